/** The page's look: light and dark by the reader's system, wide and narrow. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f4f6f7; --card: #fff; --sunk: #f7f9fa; --line: #dfe5e8; --line-soft: #eaeff1;
  --ink: #12191d; --dim: #55646c; --faint: #606f77; --accent: #0f766e; --accent-ink: #fff; --focus: #0b7285;
  --good: #17734a; --good-soft: #dff3e8; --warn: #8a5a00; --warn-soft: #fdf0cf; --bad: #b3261e; --bad-soft: #fce4e2;
  --busy: #1d5fbf; --busy-soft: #e0ecfd; --idle: #5b6870; --idle-soft: #e9eef0;
  --shadow: 0 1px 2px rgb(16 32 40 / .05), 0 4px 16px rgb(16 32 40 / .04);
  --sans: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1417; --card: #161e22; --sunk: #1b2429; --line: #2b373d; --line-soft: #232e33;
    --ink: #e8eef0; --dim: #a3b3ba; --faint: #8c9ca4; --accent: #2bb3a3; --accent-ink: #04211e; --focus: #63d3e6;
    --good: #62d29a; --good-soft: #14352a; --warn: #f0c052; --warn-soft: #3a2f13; --bad: #ff8f86; --bad-soft: #43201e;
    --busy: #86b8ff; --busy-soft: #1a3050; --idle: #a3b3ba; --idle-soft: #263137; --shadow: none;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 var(--sans); font-variant-numeric: tabular-nums; }
h1, h2, h3, p, ul, ol, dl, dd, figure { margin: 0; padding: 0; }
ul, ol { list-style: none; }
code { font: .92em var(--mono); overflow-wrap: anywhere; }
a { color: var(--accent); text-underline-offset: 3px; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
[hidden] { display: none !important; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 16px; top: 12px; z-index: 3; background: var(--card); padding: 8px 12px; border-radius: 8px; }

.top { position: sticky; top: 0; z-index: 2; background: var(--card); border-bottom: 1px solid var(--line); }
.bar, main, .notice { max-width: 1160px; margin-inline: auto; padding-inline: 24px; }
.bar { display: flex; align-items: center; gap: 10px 16px; min-height: 60px; padding-block: 10px; flex-wrap: wrap; }
.bar h1 { display: flex; align-items: center; gap: 10px; font-size: 17px; font-weight: 650; letter-spacing: -.01em; }
.bar nav { margin-left: auto; display: flex; align-items: center; gap: 18px; font-size: 14px; }
.updated { color: var(--faint); }
.updated.live::before { content: ""; display: inline-block; width: 7px; height: 7px; border-radius: 50%; background: var(--good); margin-right: 7px; vertical-align: 1px; }
.verdict:empty { display: none; }
.notice { margin-block: 16px 0; }
.notice::before { content: "! "; font-weight: 700; }
.notice { color: var(--bad); font-weight: 550; }
main { padding-block: 24px 56px; display: grid; gap: 24px; outline: none; }
main > div { display: grid; gap: 24px; }
main > div:empty { display: none; }

.pill { display: inline-flex; align-items: center; gap: 6px; padding: 2px 10px 2px 8px; border-radius: 99px; font-size: 13px; font-weight: 600; line-height: 20px; white-space: nowrap; background: var(--tone-soft); color: var(--tone); }
.pill::before { content: ""; width: 7px; height: 7px; border-radius: 50%; background: currentColor; flex: none; }
.good { --tone: var(--good); --tone-soft: var(--good-soft); }
.warn { --tone: var(--warn); --tone-soft: var(--warn-soft); }
.bad { --tone: var(--bad); --tone-soft: var(--bad-soft); }
.busy { --tone: var(--busy); --tone-soft: var(--busy-soft); }
.idle { --tone: var(--idle); --tone-soft: var(--idle-soft); }

.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow); min-width: 0; overflow: hidden; }
.card > header { display: flex; align-items: center; flex-wrap: wrap; gap: 8px 12px; padding: 16px 20px; }
.card h2 { font-size: 17px; font-weight: 650; letter-spacing: -.01em; overflow-wrap: anywhere; }
.card h2 .owner { color: var(--faint); font-weight: 450; }
.card h3 { font-size: 12px; font-weight: 600; letter-spacing: .05em; text-transform: uppercase; color: var(--faint); }
.card .actions { margin-left: auto; display: flex; gap: 8px; }
.part { padding: 16px 20px; border-top: 1px solid var(--line-soft); display: grid; gap: 12px; }
.empty { color: var(--dim); max-width: 64ch; }
.hero { padding: 44px 24px; text-align: center; display: grid; justify-items: center; gap: 10px; }
.hero h2 { font-size: 20px; }
.hero code { background: var(--sunk); border: 1px solid var(--line); border-radius: 8px; padding: 6px 12px; margin-top: 6px; }

button { font: inherit; font-size: 14px; font-weight: 600; line-height: 20px; padding: 6px 14px; border-radius: 9px; border: 1px solid var(--line); background: var(--card); color: var(--ink); cursor: pointer; }
button:hover:not(:disabled) { border-color: var(--faint); }
button.main { background: var(--accent); border-color: var(--accent); color: var(--accent-ink); }
button.main:hover:not(:disabled) { filter: brightness(1.08); }
button:disabled { opacity: .5; cursor: default; }

.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); border-top: 1px solid var(--line-soft); }
.facts > div { padding: 14px 20px; display: grid; gap: 1px; align-content: start; }
.facts dt { font-size: 13px; color: var(--faint); }
.facts dd { font-size: 20px; font-weight: 620; letter-spacing: -.015em; line-height: 1.35; }
.facts dd.sub { font-size: 13px; font-weight: 400; color: var(--dim); letter-spacing: 0; }

.going { background: var(--busy-soft); }
.going > header { display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: baseline; color: var(--busy); font-weight: 600; }
.going .dim { font-weight: 400; color: var(--ink); opacity: .8; font-size: 14px; }
.lanes { display: grid; gap: 8px; }
.lane { display: grid; grid-template-columns: 150px 1fr 340px; gap: 4px 16px; align-items: center; font-size: 14px; }
.lane .name { font-weight: 550; overflow-wrap: anywhere; }
.lane .told { text-align: right; color: var(--ink); opacity: .85; white-space: nowrap; }
.track { height: 6px; border-radius: 3px; background: color-mix(in srgb, var(--busy) 18%, transparent); overflow: hidden; position: relative; }
.track > i { position: absolute; inset-block: 0; left: 0; border-radius: 3px; background: var(--busy); }
.track.moving > i { width: 30%; animation: to-and-fro 1.6s ease-in-out infinite alternate; }
.track.done > i { width: 100%; background: var(--tone, var(--good)); }
.track.waiting > i { width: 0; }
@keyframes to-and-fro { from { left: 0; } to { left: 70%; } }
@media (prefers-reduced-motion: reduce) { .track.moving > i { animation: none; width: 100%; opacity: .55; } }

.remarks { display: grid; gap: 10px; }
.remark { border-left: 3px solid var(--tone); background: var(--tone-soft); border-radius: 0 10px 10px 0; padding: 10px 14px; display: grid; gap: 3px; }
.remark .what { overflow-wrap: anywhere; }
.remark .what b { color: var(--tone); font-weight: 650; }
.remark code { color: var(--dim); font-size: 12px; }
.remark .todo::before { content: "What to do: "; font-weight: 600; }

.chart svg { display: block; width: 100%; height: 64px; overflow: visible; }
.chart rect { fill: var(--tone); }
.chart .ground { stroke: var(--line); stroke-width: 1; }
.chart figcaption { display: flex; justify-content: space-between; gap: 16px; font-size: 13px; color: var(--faint); margin-top: 6px; }
.head { display: flex; justify-content: space-between; gap: 8px 16px; align-items: baseline; flex-wrap: wrap; }
.legend { display: flex; gap: 14px; font-size: 13px; color: var(--dim); flex-wrap: wrap; }
.legend span { display: inline-flex; gap: 6px; align-items: center; }
.legend span::before { content: ""; width: 9px; height: 9px; border-radius: 2px; background: var(--tone); }

.scroll { overflow-x: auto; margin-inline: -20px; padding-inline: 20px; }
.scroll:focus-visible { outline-offset: -2px; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th { font-size: 13px; font-weight: 500; color: var(--faint); text-align: left; padding: 4px 12px 6px; white-space: nowrap; }
td { padding: 7px 12px; border-top: 1px solid var(--line-soft); white-space: nowrap; }
tbody th { font-size: 14px; font-weight: 550; color: var(--ink); border-top: 1px solid var(--line-soft); padding-block: 7px; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
.n { text-align: right; }
.zero { color: var(--faint); }
.tone { color: var(--tone); font-weight: 600; }
.dim { color: var(--dim); }

.beside { grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); align-items: start; }
.beside .card > header { padding-bottom: 0; }
.beside .card > .inside { padding: 10px 20px 18px; display: grid; gap: 10px; }
.meter { height: 10px; border-radius: 5px; background: var(--idle-soft); overflow: hidden; }
.meter > i { display: block; height: 100%; border-radius: 5px; background: var(--accent); transition: width .4s; }
.big { font-size: 24px; font-weight: 620; letter-spacing: -.02em; }
.big small { font-size: 14px; font-weight: 400; color: var(--dim); letter-spacing: 0; }
.rows > li { display: grid; grid-template-columns: 1fr auto; gap: 0 12px; padding-block: 8px; border-top: 1px solid var(--line-soft); align-items: center; }
.rows > li:first-child { border-top: 0; }
.rows .under { grid-column: 1 / -1; font-size: 13px; color: var(--dim); overflow-wrap: anywhere; }
.rows b { font-weight: 550; overflow-wrap: anywhere; }

.run { border-top: 1px solid var(--line-soft); }
.run > summary, .runs-head { display: grid; grid-template-columns: 20px minmax(110px, 1fr) minmax(120px, 1.4fr) 100px 116px 76px 90px 90px 76px; gap: 0 12px; align-items: center; padding: 9px 20px; font-size: 14px; }
.run > summary { cursor: pointer; list-style: none; }
.run > summary::-webkit-details-marker { display: none; }
.run > summary::before { content: ""; width: 7px; height: 7px; border: solid var(--faint); border-width: 0 2px 2px 0; transform: rotate(-45deg); transition: transform .12s; margin-left: 2px; }
.run[open] > summary::before { transform: rotate(45deg); }
.run > summary:hover { background: var(--sunk); }
.run > summary:focus-visible { outline-offset: -2px; }
.runs-head { font-size: 13px; color: var(--faint); padding-block: 0 6px; }
.run .app { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.run .inside { padding: 6px 20px 18px 52px; display: grid; gap: 12px; background: var(--sunk); }
.run .inside .scroll { margin-inline: 0; padding-inline: 0; }
.brief { display: none; font-size: 13px; color: var(--dim); }
.more { padding: 12px 20px; border-top: 1px solid var(--line-soft); }

.said { position: fixed; inset-inline: 16px; bottom: 20px; margin-inline: auto; width: fit-content; max-width: min(560px, calc(100vw - 32px)); background: var(--ink); color: var(--card); padding: 10px 16px; border-radius: 10px; font-size: 14px; }
.said:empty { display: none; }

@media (max-width: 860px) {
  .runs-head { display: none; }
  .run > summary { grid-template-columns: 20px 1fr auto; gap: 0 10px; }
  .run > summary > .app { grid-column: 2; grid-row: 1; font-weight: 550; }
  .run > summary > .outcome { grid-column: 3; grid-row: 1 / 3; }
  .run > summary > .when, .run > summary > .mode, .run > summary > .rest { display: none; }
  .run > summary > .brief { display: block; grid-column: 2; grid-row: 2; }
  .run .inside { padding-left: 20px; }
}
@media (max-width: 860px) { .lane { grid-template-columns: 130px 1fr; } .lane .told { grid-column: 1 / -1; text-align: left; } }
@media (max-width: 600px) {
  .bar, main, .notice { padding-inline: 14px; }
  .top { position: static; }
  .bar nav { margin-left: 0; width: 100%; justify-content: flex-start; }
  .bar .updated { margin-right: auto; }
  main { padding-block: 14px 40px; gap: 14px; }
  main > div { gap: 14px; }
  .card > header, .part { padding: 14px 16px; }
  .card .actions { margin-left: 0; width: 100%; }
  .card .actions button { flex: 1; }
  .facts { grid-template-columns: 1fr 1fr; }
  .facts > div { padding: 10px 16px; }
  .facts dd { font-size: 18px; }
  .scroll { margin-inline: -16px; padding-inline: 16px; }
  .lane { grid-template-columns: 1fr; padding-bottom: 4px; }
  .lane .told { text-align: left; white-space: normal; }
}
@media (forced-colors: active) { .pill, .remark, button { border: 1px solid; } .track > i, .meter > i { background: Highlight; } }
`;
