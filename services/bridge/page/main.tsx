/** The Bridge's page: what of Keptn people look at. It talks to its own server alone (api/), one folder a page. */
import './shell/strict.ts';
import { render } from 'preact';
import { App } from './shell/app.tsx';
import './style/base.css';
import './style/parts.css';
import './style/pages.css';

const root = document.getElementById('page');
if (root) render(<App />, root);
