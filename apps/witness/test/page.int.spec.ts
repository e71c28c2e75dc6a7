// The page that verifies without anybody's server, in a real browser, and the same libraries in a bundle of their own.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { base64, canonicalBytes, eventCommitment, hex } from '@careseal/crypto'
import { formatEvidence, type Receipt } from '@careseal/ledger-core'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { browserScript } from '../tools/verifier-page.mjs'
import { TestLedger } from './test-ledger.js'
import { TestLog } from './test-log.js'
import { NAME, WitnessUnderTest } from './witness-under-test.js'

const BROWSER = [process.env['CHROMIUM_PATH'] ?? '', '/usr/bin/chromium'].find((path) => existsSync(path))
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']

const ORIGIN = 'ledger.example.org/page'
const type = 'ConsentGranted'
const body = canonicalBytes({ id: 'event-1', type, time: '2026-07-01T00:00:00.000Z', data: {} })
const opening = new Uint8Array(32).fill(9)

// Generous: a browser starts slowly where much else runs.
describe.skipIf(BROWSER === undefined)('in a browser', { timeout: 180_000 }, () => {
  const ledger = new TestLedger(ORIGIN).grow(20)
  let witness: WitnessUnderTest
  let browser: Browser
  let page: Page
  let policy: string
  let receipt: Receipt
  let asked: string[]
  let faults: string[]

  beforeAll(async () => {
    witness = new WitnessUnderTest({ logs: [{ origin: ORIGIN, vkeys: [ledger.log.vkey] }] })
    const [vkey] = await witness.init()
    await witness.start()
    policy = `log ${ledger.log.vkey}\nwitness ${NAME} ${vkey}\nquorum ${NAME}\n`
    const cosign = async (note: string) => note + (await witness.addCheckpoint(await ledger.request(0))).body
    const { leaf, proof } = await ledger.addCommitment(hex(eventCommitment(opening, type, body)), cosign)
    receipt = { v: 1, event: { type, body: base64(body), opening: hex(opening) }, leaf, proof }
    browser = await chromium.launch({ executablePath: BROWSER as string, args: FLAGS })
  })
  afterAll(async () => {
    await browser?.close()
    await witness?.remove()
  })
  beforeEach(async () => {
    ;[asked, faults] = [[], []]
    page = await browser.newPage()
    page.on('console', (message) => void (message.type() === 'error' && faults.push(message.text())))
    page.on('pageerror', (error) => void faults.push(error.message))
    page.on('request', (request) => void asked.push(request.url()))
    return () => page.close()
  })

  const finding = async (item: string, more: { policy?: string; entry?: string } = {}) => {
    await page.fill('#item', item)
    await page.fill('#policy', more.policy ?? policy)
    await page.fill('#entry', more.entry ?? '')
    await page.locator('#finding').evaluate((one) => one.replaceChildren())
    await page.click('#verify')
    await page.waitForSelector('#finding h2')
    return { tone: await page.getAttribute('#finding', 'class'), text: await page.innerText('#finding') }
  }

  describe('the page of the witness', () => {
    beforeEach(async () => {
      await page.goto(`${witness.url}/`)
    })

    it('verifies a receipt under the policy that is pasted, and says whose it was', async () => {
      expect(await finding(JSON.stringify(receipt))).toEqual({
        tone: 'good',
        text: expect.stringContaining('The receipt holds'),
      })
      const { text } = await finding(JSON.stringify(receipt))
      expect(text).toContain(`Co-signed by ${NAME}`)
      expect(text).toContain('Policy: yours, as pasted')
      const changed = { ...receipt, event: { ...receipt.event, body: base64(Buffer.from(body).fill(0x20, 0, 1)) } }
      expect(await finding(JSON.stringify(changed))).toMatchObject({ tone: 'bad' })
    })

    it('says that nothing is verified without a policy, and nothing good under a stranger’s', async () => {
      const none = await finding(JSON.stringify(receipt), { policy: '' })
      expect(none).toMatchObject({ tone: 'open', text: expect.stringContaining('No policy was given') })
      const stranger = new TestLog(ORIGIN, 9).vkey
      expect(await finding(JSON.stringify(receipt), { policy: stranger })).toMatchObject({ tone: 'bad' })
      expect(await finding(JSON.stringify(receipt), { policy: 'log x' })).toMatchObject({ tone: 'bad' })
    })

    it('verifies checkpoints, and proofs with the entry that they are about', async () => {
      const [note] = [receipt.proof.slice(receipt.proof.indexOf('\n\n') + 2)]
      expect(await finding(note)).toMatchObject({ tone: 'good', text: expect.stringContaining('believed') })
      expect(await finding(await ledger.checkpoint())).toMatchObject({
        tone: 'bad',
        text: expect.stringContaining('quorum-not-met'),
      })
      expect(await finding(receipt.proof)).toMatchObject({ tone: 'open' })
      const entry = Buffer.from(ledger.entries[ledger.size - 2]!).toString()
      expect(await finding(receipt.proof, { entry })).toMatchObject({ tone: 'good' })
      expect(await finding(receipt.proof, { entry: `${entry} ` })).toMatchObject({ tone: 'bad' })
    })

    it('verifies evidence, and tells whether the key is one of the policy', async () => {
      const log = new TestLog(ORIGIN)
      const notes = await Promise.all([0, 1].map((salt) => log.checkpoint({ size: 9, salt })))
      const evidence = { kind: 'A' as const, logKey: log.vkey, notes: notes as [string, string] }
      const good = await finding(formatEvidence(evidence))
      expect(good).toMatchObject({ tone: 'good', text: expect.stringContaining('It is a log of your policy') })
      expect((await finding(formatEvidence(evidence), { policy: '' })).text).toContain('compare it with the key')
      const same = formatEvidence({ ...evidence, notes: [notes[0]!, notes[0]!] })
      expect(await finding(same)).toMatchObject({ tone: 'bad' })
    })

    it('loads files, works by keyboard alone, in light and in dark', async () => {
      const file = join(witness.folder, 'receipt.json')
      writeFileSync(file, JSON.stringify(receipt))
      await page.setInputFiles('input[data-into=item]', file)
      await page.focus('#policy')
      await page.keyboard.insertText(policy)
      for (let tabs = 0; tabs < 6; tabs++) {
        await page.keyboard.press('Tab')
        if ((await page.evaluate('document.activeElement.id')) === 'verify') break
      }
      await page.keyboard.press('Enter')
      await page.waitForSelector('#finding.good')
      const background = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
      await page.emulateMedia({ colorScheme: 'light' })
      const light = await background()
      await page.emulateMedia({ colorScheme: 'dark' })
      expect(await background()).not.toBe(light)
    })

    it('opens no connection, runs no other script, and works as a file without a network', async () => {
      const { headers, body: html } = await witness.get('/')
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; script-src 'sha256-[^ ]+'; style-src 'sha256-/,
      )
      await finding(JSON.stringify(receipt))
      expect(asked.filter((url) => !url.endsWith('/favicon.ico'))).toEqual([`${witness.url}/`])
      expect(faults.filter((fault) => !fault.includes('404'))).toEqual([])
      const saved = join(witness.folder, 'verifier.html')
      writeFileSync(saved, html)
      await page.context().setOffline(true)
      await page.goto(`file://${saved}`)
      expect(await finding(JSON.stringify(receipt))).toMatchObject({ tone: 'good' })
      await page.context().setOffline(false)
    })
  })

  it('a bundle of the libraries verifies cosigned checkpoint, inclusion, consistency and receipt by WebCrypto', async () => {
    const log = new TestLog(ORIGIN)
    const [older, newer] = [
      { size: 9, root: hex(log.root(9)) },
      { size: 20, root: hex(log.root(20)) },
    ]
    const request = await log.request({ from: 9, size: 20 })
    await page.goto(`${witness.url}/livez`)
    await page.addScriptTag({
      content: await browserScript(join(import.meta.dirname, 'browser-bundle.ts'), 'careseal'),
    })
    const leafEntry = Buffer.from(ledger.entries[ledger.size - 2]!).toString()
    const given: Given = { receipt, policy, older, newer, request, leafEntry }
    const found = await page.evaluate(inBrowser, JSON.stringify(given))
    expect(found).toEqual({
      native: true,
      cosigned: [NAME],
      forged: 'no-known-signature',
      receipt: true,
      tampered: 'commitment-wrong',
      inclusion: [true, false],
      consistency: [true, false],
    })
  })
})

type Given = {
  receipt: Receipt
  policy: string
  older: { size: number; root: string }
  newer: { size: number; root: string }
  request: string
  leafEntry: string
}

// Runs in the browser: it sees nothing of this file but its argument.
async function inBrowser(given: string) {
  const { receipt, policy: text, older, newer, request, leafEntry } = JSON.parse(given) as Given
  const { careseal } = globalThis as unknown as { careseal: typeof import('./browser-bundle.js') }
  const { portable, ledgerCore, merkle, WEB_PRIMITIVES } = careseal
  const { sha256 } = WEB_PRIMITIVES
  const policy = ledgerCore.parsePolicy(sha256, text)
  const { checkpoint: note, index, proof } = ledgerCore.parseTlogProof(receipt.proof)
  const { size, root, cosignatures } = await ledgerCore.verifyCheckpoint(note, { policy }, WEB_PRIMITIVES)
  const stranger = ledgerCore.verifyCheckpoint(note.replace(/^\u2014.*\n/m, ''), { policy }, WEB_PRIMITIVES)
  const forged = await stranger.then(String, ({ code }: { code: string }) => code)
  const verdict = await ledgerCore.verifyReceipt(receipt, { policy, ...WEB_PRIMITIVES })
  const opening = '00'.repeat(32)
  const changed = { ...receipt, event: { ...receipt.event, opening } }
  const tampered = await ledgerCore.verifyReceipt(changed, { policy, ...WEB_PRIMITIVES })
  const leafHash = merkle.leafHash(sha256, portable.utf8(leafEntry))
  const stands = (at: number) => merkle.verifyInclusion(sha256, { index: at, size, leafHash, proof, root })
  const path = ledgerCore.parseAddCheckpoint(request).proof
  const roots = { oldRoot: portable.fromHex(older.root), newRoot: portable.fromHex(newer.root) }
  const grows = (oldSize: number) =>
    merkle.verifyConsistency(sha256, { oldSize, newSize: newer.size, ...roots, proof: path })
  return {
    native: String(globalThis.crypto.subtle.verify).includes('[native code]'),
    cosigned: cosignatures.map(({ witness }) => witness),
    forged,
    receipt: verdict.ok,
    tampered: tampered.ok ? null : tampered.reason,
    inclusion: [stands(index), stands(index - 1)],
    consistency: [grows(older.size), grows(older.size + 1)],
  }
}
