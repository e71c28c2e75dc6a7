// Static pages, until the portal comes.

export const INDEX_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Careseal</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #1a2b33; }
code { background: #eef3f5; padding: .1em .3em; border-radius: 3px; }
dt { font-weight: 600; margin-top: 1em; }
dd { margin: 0; }
@media (prefers-color-scheme: dark) { body { background: #10181c; color: #e0e8ec; } code { background: #22303a; } a { color: #7cc4e8; } }
</style>
</head>
<body>
<main>
<h1>Careseal</h1>
<p>A health-data ledger: every record, consent and access is an event that no single party can rewrite unnoticed.</p>
<dl>
<dt><a href="/fhir/metadata"><code>/fhir</code></a></dt>
<dd>FHIR R4: records, consents, audit events. <a href="/fhir/.well-known/smart-configuration">SMART configuration</a>.</dd>
<dt><a href="/auth/.well-known/openid-configuration"><code>/auth</code></a></dt>
<dd>Accounts, members and access tokens.</dd>
<dt><a href="/ledger/checkpoint"><code>/ledger</code></a></dt>
<dd>Checkpoint, blocks, entries and proofs; public, for it holds nothing personal.</dd>
<dt><code>/audit</code></dt>
<dd>Who looked at what, with receipts.</dd>
<dt><a href="/docs"><code>/docs</code></a></dt>
<dd>All routes, described and ready to try.</dd>
<dt><a href="/docs/events"><code>/docs/events</code></a></dt>
<dd>All events, for services that consume them.</dd>
</dl>
</main>
</body>
</html>
`

export const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Careseal: routes</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/swagger-ui-standalone-preset.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`

export const DOCS_SCRIPT = `window.addEventListener('load', () => {
  SwaggerUIBundle({
    dom_id: '#docs',
    urls: [
      { name: 'records', url: '/fhir/openapi.json' },
      { name: 'identity', url: '/auth/openapi.json' },
      { name: 'consent', url: '/docs/consent.json' },
      { name: 'audit', url: '/audit/openapi.json' },
      { name: 'ledger', url: '/ledger/openapi.json' },
    ],
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    layout: 'StandaloneLayout',
    deepLinking: true,
    validatorUrl: null,
  })
})
`
