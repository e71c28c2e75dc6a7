// The pages as a browser shows them: no error, nothing from elsewhere, every service's routes in the list.
import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { upDetached } from '../support/careseal.js'

const BROWSER = [process.env['CHROMIUM_PATH'] ?? '', '/usr/bin/chromium'].find((path) => existsSync(path))
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']

describe.skipIf(BROWSER === undefined)('the pages', () => {
  let ledger: Awaited<ReturnType<typeof upDetached>>
  let browser: Browser
  let page: Page
  const faults: string[] = []

  beforeAll(async () => {
    ledger = await upDetached(['--no-demo'])
    browser = await chromium.launch({ executablePath: BROWSER as string, args: FLAGS })
    page = await browser.newPage()
    page.on('console', (message) => void (message.type() === 'error' && faults.push(message.text())))
    page.on('pageerror', (error) => void faults.push(error.message))
    page.on('request', (request) => {
      if (!request.url().startsWith(ledger.origin) && !request.url().startsWith('data:')) faults.push(request.url())
    })
  })
  afterAll(async () => {
    await browser?.close()
    await ledger?.down()
  })

  it('lead from the front page to every public place', async () => {
    await page.goto(ledger.origin)
    const links = await page
      .locator('a')
      .evaluateAll((all) => all.map((one) => (one as unknown as { href: string }).href))
    expect(links.length).toBeGreaterThan(3)
    for (const link of links) expect((await fetch(link)).status, link).toBe(200)
  })

  it.each(['records', 'identity', 'consent', 'audit', 'ledger'])('list the routes of %s', async (service) => {
    await page.goto(`${ledger.origin}/docs?urls.primaryName=${service}`)
    await expect.poll(() => page.locator('.opblock').count(), { timeout: 15_000 }).toBeGreaterThan(2)
  })

  it('show no error and load nothing from elsewhere', () => {
    expect(faults).toEqual([])
  })
})
