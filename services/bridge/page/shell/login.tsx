/** Logging in, in the ways that the server offers. */
import { useSignal } from '@preact/signals';
import { logIn, refusal, session } from '../api/session.ts';

export function Login() {
  const ways = session.value?.ways;
  const busy = useSignal(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const given = [...new FormData(event.currentTarget)].map(
      ([name, value]) => [name, typeof value === 'string' ? value : ''] as const,
    );
    busy.value = true;
    await logIn(Object.fromEntries(given)).finally(() => (busy.value = false));
  };
  const here = `${location.pathname}${location.search}`;
  return (
    <main class="login">
      <h1>Keptn Bridge</h1>
      {refusal.value && (
        <p class="problem" role="alert">
          {refusal.value}
        </p>
      )}
      {ways?.oidc !== undefined && (
        <a class="button primary" href={`/auth/oidc?to=${encodeURIComponent(here)}`}>
          {ways.oidc}
        </a>
      )}
      {ways?.password && (
        <form onSubmit={(event) => void submit(event)}>
          <label>
            User
            <input name="user" required autocomplete="username" />
          </label>
          <label>
            Password
            <input name="password" type="password" required autocomplete="current-password" />
          </label>
          <button class="primary" disabled={busy.value}>
            Log in
          </button>
        </form>
      )}
      {ways?.token && (
        <form onSubmit={(event) => void submit(event)}>
          <label>
            API token
            <input name="token" type="password" required autocomplete="off" />
          </label>
          <button class={ways.password ? '' : 'primary'} disabled={busy.value}>
            Log in with the token
          </button>
          <p class="hint">
            Standalone keeps it in <code>.keptn/api-token</code>, and prints a link that logs in. On a cluster:{' '}
            <code>kubectl -n keptn get secret keptn-api-token -o jsonpath={'{.data.keptn-api-token}'} | base64 -d</code>
          </p>
        </form>
      )}
    </main>
  );
}
