/** A button that asks before it does: what will happen, and how the same is done without the Bridge. */
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { errorOf, send } from '../api/client.ts';
import { Code } from '../parts/code.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Problem } from '../parts/states.tsx';
import { go, links } from '../shell/router.ts';
import type { Action } from './action.ts';

export function ActionButton(props: { action: Action; primary?: boolean; small?: boolean }) {
  const { action, primary = false, small = false } = props;
  const isOpen = useSignal(false);
  const look = [primary && 'primary', small && 'small', action.danger && 'danger'].filter(Boolean).join(' ');
  return (
    <>
      <button type="button" class={look} onClick={() => (isOpen.value = true)}>
        {action.title}
      </button>
      {isOpen.value && <ActionDialog action={action} close={() => (isOpen.value = false)} />}
    </>
  );
}

function ActionDialog({ action, close }: { action: Action; close: () => void }) {
  const form = useMemo(() => action.form(), []);
  const busy = useSignal(false);
  const error = useSignal<Error | undefined>(undefined);
  const event = form.event();
  const yaml = form.yaml();
  const submit = async (submitted: SubmitEvent): Promise<void> => {
    submitted.preventDefault();
    if (typeof event === 'string') return;
    busy.value = true;
    try {
      const keptnContext = await send(event);
      close();
      go(links.sequence(keptnContext));
    } catch (problem) {
      error.value = errorOf(problem);
      busy.value = false;
    }
  };
  return (
    <Dialog title={action.title} onClose={close}>
      <form onSubmit={(submitted) => void submit(submitted)}>
        {form.fields?.()}
        <p class="consequence">{typeof event === 'string' ? event : form.consequence()}</p>
        {error.value && <Problem error={error.value} />}
        <div class="dialog-buttons">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button class={action.danger ? 'danger' : 'primary'} disabled={busy.value || typeof event === 'string'}>
            {busy.value ? 'Sending …' : action.title}
          </button>
        </div>
        <details open>
          <summary>The same without the Bridge</summary>
          <h3>Command line</h3>
          <Code text={form.command()} label="the command line" />
          <h3>{yaml.title}</h3>
          <Code text={yaml.text} label="the file" />
        </details>
      </form>
    </Dialog>
  );
}
