// The verifier page of the witness: one file, and a policy that lets nothing else run in it.
import { existsSync, readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import type { Answer } from '../http/answer.js'

const FILE = new URL('../../page/generated/verifier.html', import.meta.url)

/** Null where the page was not delivered with the program. */
export function loadPage(): Answer | null {
  if (!existsSync(FILE)) return null
  const html = readFileSync(FILE, 'utf8')
  return {
    status: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'content-security-policy': policyOf(html),
      'referrer-policy': 'no-referrer',
    },
    body: html,
  }
}

/** Only the script and the style of this very file, and no connection to anywhere. */
export function policyOf(html: string): string {
  const hashes = (tag: string) =>
    [...html.matchAll(new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`, 'g'))].map(
      ([, text = '']) => `'sha256-${hashOf(text)}'`,
    )
  const [scripts, styles] = [hashes('script').join(' '), hashes('style').join(' ')]
  return `default-src 'none'; script-src ${scripts}; style-src ${styles}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64')
}
