/** The frame around every page: where one is, where one can go, whether what is shown is live. */
import { useEffect } from 'preact/hooks';
import { logOut, session, startSession } from '../api/session.ts';
import { live, liveProblem, startLive } from '../api/live.ts';
import { Icon } from '../parts/icon.tsx';
import { Evaluations } from '../evaluations/evaluations.tsx';
import { Log } from '../log/log.tsx';
import { Problems } from '../problems/problems.tsx';
import { Project } from '../project/project.tsx';
import { Projects } from '../projects/projects.tsx';
import { Resources } from '../resources/resources.tsx';
import { Compare } from '../resources/compare.tsx';
import { Sequence } from '../sequence/sequence.tsx';
import { ServiceHistory } from '../history/service-history.tsx';
import { Empty } from '../parts/states.tsx';
import { Login } from './login.tsx';
import { followLink, linkTo, links, path, query } from './router.ts';
import { applyTheme, theme, toggleTheme } from './theme.ts';

export function App() {
  useEffect(() => {
    applyTheme();
    void startSession();
    document.addEventListener('click', followLink);
    return () => document.removeEventListener('click', followLink);
  }, []);
  const user = session.value?.user;
  useEffect(() => (user ? startLive() : undefined), [user]);
  if (session.value === undefined) return <p class="loading">Loading …</p>;
  if (!user) return <Login />;
  return (
    <>
      <a class="skip" href="#content">
        To the content
      </a>
      <Header user={user} />
      <main id="content" tabIndex={-1}>
        <Page />
      </main>
    </>
  );
}

/** The address says which page; the addresses of 0.6.2's Bridge are among them. */
function Page() {
  const parts = path.value.split('/').slice(1).map(decode);
  const [first = '', second, third, fourth] = parts;
  if (first === '' || first === 'dashboard') return <Projects />;
  if (first === 'project' && second) {
    if (!third) return <Project key={second} project={second} />;
    if (fourth) return <Sequence key={fourth} keptnContext={fourth} selector={parts[4]} />;
    return <ServiceHistory key={`${second}/${third}`} project={second} service={third} />;
  }
  if (first === 'trace' && second) return <Sequence key={second} keptnContext={second} selector={third} />;
  if (first === 'evaluations') return <Evaluations />;
  if (first === 'resources') return <Resources />;
  if (first === 'compare') return <Compare />;
  if (first === 'log') return <Log />;
  if (first === 'problems') return <Problems />;
  return (
    <Empty title="There is no such page.">
      <p>
        The address may be cut. <a href={links.projects()}>All projects</a>
      </p>
    </Empty>
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function Header({ user }: { user: string }) {
  // What one looks at stays chosen from page to page.
  const inPath = /^\/project\/([^/]+)/.exec(path.value)?.[1];
  const project = inPath ? decode(inPath) : (query.value.get('project') ?? undefined);
  const entries = [
    ['Projects', '/', path.value === '/' || path.value === '/dashboard' || path.value.startsWith('/project/')],
    ['Evaluations', linkTo('/evaluations', { project }), path.value === '/evaluations'],
    ['Resources', linkTo('/resources', { project }), path.value === '/resources' || path.value === '/compare'],
    ['Problems', linkTo('/problems', { project }), path.value === '/problems'],
    ['Log', linkTo('/log', { project }), path.value === '/log'],
  ] as const;
  return (
    <header class="bar">
      <a class="brand" href="/" aria-label="Keptn Bridge: all projects">
        <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
          <rect width="32" height="32" rx="7" />
          <path d="M5 21h22M8 21v-7m16 7v-7M5 14c5 0 7-4 11-4s6 4 11 4" />
        </svg>
        <span>Keptn</span>
      </a>
      <nav aria-label="Pages">
        {entries.map(([title, href, isHere]) => (
          <a key={title} href={href} aria-current={isHere ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <LiveLight />
      <button type="button" class="plain" onClick={toggleTheme} aria-label="Dark or light" title="Dark or light">
        <Icon name={theme.value === 'dark' ? 'sun' : 'moon'} />
      </button>
      <button type="button" class="plain who" onClick={() => void logOut()} title={`Logged in as ${user}`}>
        Log out
      </button>
    </header>
  );
}

function LiveLight() {
  const state = live.value;
  const text = { live: 'Live', connecting: 'Connecting', away: 'Not live' }[state];
  return (
    <span class={`live live-${state}`} role="status" title={state === 'away' ? liveProblem.value : undefined}>
      <span class="live-dot" />
      {text}
    </span>
  );
}
