/// <reference lib="dom" />
// The page itself: fields in, findings out. It opens no connection, and its policy (CSP) lets it open none.
import { WEB_PRIMITIVES } from '@careseal/crypto/portable'
import { judge, type Finding } from './judge.js'

const NO_CRYPTO: Finding = {
  tone: 'open',
  title: 'This browser checks no signatures here',
  lines: ['Open the page over https, or save it and open the file.'],
}

/** WebCrypto is there over https, on localhost, and for a page that was opened as a file. */
function canVerify(): boolean {
  return globalThis.crypto?.subtle !== undefined
}

function field(id: string): HTMLTextAreaElement {
  return document.getElementById(id) as HTMLTextAreaElement
}

function show({ tone, title, lines }: Finding): void {
  const heading = Object.assign(document.createElement('h2'), { textContent: title })
  const items = lines.map((line) => Object.assign(document.createElement('p'), { textContent: line }))
  const finding = document.getElementById('finding')!
  finding.className = tone
  finding.replaceChildren(heading, ...items)
}

async function verify(): Promise<void> {
  if (!canVerify()) return show(NO_CRYPTO)
  const [item, policy, entry] = ['item', 'policy', 'entry'].map((id) => field(id).value) as [string, string, string]
  try {
    show(await judge({ item: item.trimStart(), policy, entry }, WEB_PRIMITIVES))
  } catch (error) {
    show({ tone: 'bad', title: 'It could not be checked', lines: [String(error)] })
  }
}

async function load(input: HTMLInputElement): Promise<void> {
  const [file] = input.files ?? []
  if (file) field(input.dataset['into']!).value = await file.text()
}

for (const input of document.querySelectorAll<HTMLInputElement>('input[type=file]')) {
  input.addEventListener('change', () => void load(input))
}
document.getElementById('verify')!.addEventListener('click', () => void verify())
