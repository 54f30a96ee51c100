/** 0.6.2's flags of `keptn install` that mean something else by now: taken with a word, or refused with what to do instead. */
import { CliError } from '../errors.ts';
import type { Output } from '../output.ts';

export interface OldFlags {
  platform?: string;
  creds?: string;
  gateway?: string;
  insecureSkipTlsVerify?: boolean;
  keptnInstallerImage?: string;
  keptnVersion?: string;
  ingressInstallOption?: string;
}

const refused: Readonly<Partial<Record<keyof OldFlags, [flag: string, instead: string]>>> = {
  creds: ['creds', 'the cluster is that of the kubeconfig: --kubeconfig and --context name another'],
  gateway: [
    'gateway',
    "the type of the ingress gateway's Service is a matter of how Istio or the ingress controller is installed",
  ],
  insecureSkipTlsVerify: [
    'insecure-skip-tls-verify',
    'certificates are checked as the kubeconfig says: kubectl config set-cluster <name> --insecure-skip-tls-verify',
  ],
  keptnInstallerImage: [
    'keptn-installer-image',
    'there is no installer any more: --image names the image of the operator',
  ],
  keptnVersion: ['keptn-version', 'the version is that of the command line; --image names another'],
};

export function takeOldFlags(flags: OldFlags, output: Output): void {
  for (const [key, [flag, instead]] of Object.entries(refused)) {
    if (key in flags) throw new CliError('usage', `--${flag}: ${instead}`);
  }
  if (flags.ingressInstallOption !== undefined && flags.ingressInstallOption !== 'Reuse') {
    throw new CliError(
      'usage',
      '--ingress-install-option: what takes requests in the cluster is left alone, as with Reuse',
    );
  }
  if (flags.platform === 'openshift') {
    const grant = 'oc adm policy add-scc-to-group nonroot-v2 system:serviceaccounts:<namespace>';
    output.line('WARN', `--platform: on OpenShift the pods need a fixed user: ${grant}`);
  } else if (flags.platform !== undefined) {
    output.line('INFO', `--platform: nothing depends on it any more`);
  }
}
