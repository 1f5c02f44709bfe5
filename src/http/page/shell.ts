/** The page before its script has asked for anything; all that varies comes as text by the JSON interface. */
export const SHELL = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>clarifai-sync</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
<script type="module" src="/assets/main.js"></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="top">
  <div class="bar">
    <h1><img src="/assets/icon.svg" alt="" width="28" height="28">clarifai-sync</h1>
    <p id="verdict" class="verdict" role="status"></p>
    <nav aria-label="Also here"><span id="updated" class="updated">loading …</span><a id="queues" href="/queues" hidden>Queues</a><a href="/metrics">Metrics</a></nav>
  </div>
</header>
<p id="notice" class="notice" role="alert" hidden></p>
<main id="main" tabindex="-1">
  <div id="apps"></div>
  <div id="beside" class="beside"></div>
  <div id="runs"></div>
  <noscript><p class="empty">This page needs JavaScript. The same is at <a href="/api/streams">/api/streams</a> and <a href="/api/runs">/api/runs</a>, or by <code>clarifai-sync status</code>.</p></noscript>
</main>
<p id="said" class="said" role="status" aria-live="polite"></p>
</body>
</html>
`;

/** Two records that go round into one another. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0f766e"/><g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"><path d="M8.5 14a8 8 0 0 1 14.2-3.4M23.5 18a8 8 0 0 1-14.2 3.4"/><path d="M23.4 6.4v4.6h-4.6M8.6 25.6V21h4.6"/></g></svg>
`;
