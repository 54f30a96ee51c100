// The same observer on @dot-i/k8s-operator, run from a folder that has it installed: one line an event.
const { default: Operator, ResourceEventType } = require('@dot-i/k8s-operator');

class Observer extends Operator {
  async init() {
    await this.watchResource('keptn.sh', 'v1alpha1', 'resources', async ({ type, meta }) => {
      console.log(
        type === ResourceEventType.Deleted ? 'delete' : type === ResourceEventType.Added ? 'add' : 'update',
        meta.name,
      );
    });
  }
}
new Observer().start();
