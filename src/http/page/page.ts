import {readFile} from 'node:fs/promises';
import type {FastifyInstance} from 'fastify';
import {ICON, SHELL} from './shell.ts';
import {STYLE} from './style.ts';

/** The page's script: modules that the browser loads as they are (page/client/). */
const SCRIPTS = [
  'main.js',
  'dom.js',
  'text.js',
  'chart.js',
  'rates.js',
  'app-card.js',
  'sections.js',
  'runs.js',
] as const;

/** `/` and what it loads, all of it from here. */
export function addPage(app: FastifyInstance): void {
  const fresh = {'cache-control': 'no-cache'};
  app.get('/', (_request, reply) => reply.headers(fresh).type('text/html; charset=utf-8').send(SHELL));
  app.get('/assets/style.css', (_request, reply) => reply.headers(fresh).type('text/css; charset=utf-8').send(STYLE));
  app.get('/assets/icon.svg', (_request, reply) => reply.headers(fresh).type('image/svg+xml').send(ICON));
  for (const name of SCRIPTS) {
    app.get(`/assets/${name}`, async (_request, reply) => {
      const text = await readFile(new URL(`./client/${name}`, import.meta.url), 'utf8');
      return reply.headers(fresh).type('text/javascript; charset=utf-8').send(text);
    });
  }
}
