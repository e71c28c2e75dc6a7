// Makes the verifier page: one HTML file with its script and style in it. The script is bundled from the sources of the
// libraries that services run, named and unminified, so that a reader can compare them.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'

const APP = join(import.meta.dirname, '..')

/** Where the page lies, relative to the repository. */
export const PAGE = 'apps/witness/page/generated/verifier.html'

/** The page's text. The same sources make the same bytes. */
export async function verifierPage() {
  const template = readFileSync(join(APP, 'page', 'template.html'), 'utf8')
  const script = await browserScript(join(APP, 'src', 'page', 'verifier-page.ts'))
  // A function, for the script is full of what a replacement text would take for its own.
  return template.replace('<script></script>', () => `<script type="module">\n${script}</script>`)
}

/** One script for a browser out of a TypeScript file and all that it imports of this repository. */
export async function browserScript(entry, library) {
  const { output } = [
    await build({
      configFile: false,
      root: APP,
      logLevel: 'error',
      resolve: { conditions: ['@careseal/source'] },
      build: {
        write: false,
        minify: false,
        target: 'es2023',
        modulePreload: false,
        ...(library ? { lib: { entry, formats: ['iife'], name: library } } : {}),
        rolldownOptions: library ? {} : { input: entry },
      },
    }),
  ].flat()[0]
  const [chunk, ...more] = output
  if (more.length > 0 || /<\/script/i.test(chunk.code)) throw new Error('the page is not one script')
  return chunk.code
}

/** docs/trust.md with the hash of the page in it. */
export function withHashOf(page, text) {
  const hash = createHash('sha256').update(page).digest('hex')
  const changed = text.replace(/(SHA-256 of the verifier page: `)[^`]*(`)/, `$1${hash}$2`)
  if (!changed.includes(hash)) throw new Error('docs/trust.md has no place for the hash of the verifier page')
  return changed
}
