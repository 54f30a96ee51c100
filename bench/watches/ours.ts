/** An observer on our reflector: one line an event. */
import { createLog } from '../../lib/observe/log.ts';
import { createKubernetesStore, loadKubeConfig } from '../../lib/resources/kubernetes/store.ts';

const store = createKubernetesStore({ config: loadKubeConfig(), log: createLog('observer', 'silent') });
await store.follow(({ object, previous, deleted }) => {
  if (object.kind === 'Resource') console.log(deleted ? 'delete' : previous ? 'update' : 'add', object.metadata.name);
});
