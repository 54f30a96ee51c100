/** Three nodes that kwok plays, as manifests: what is scheduled on them runs at once. */
import { stringify } from 'yaml';

const node = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name,
    annotations: { 'kwok.x-k8s.io/node': 'fake' },
    labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', type: 'kwok' },
  },
  status: {
    allocatable: { cpu: '16', memory: '64Gi', pods: '110' },
    capacity: { cpu: '16', memory: '64Gi', pods: '110' },
  },
});

export const simulatedNodes = ['node-1', 'node-2', 'node-3'].map((name) => stringify(node(name))).join('---\n');
