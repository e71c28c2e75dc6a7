import { connectNats } from '@careseal/messaging'
import { startNats } from '@careseal/stack'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { natsHealth } from './nats-health.js'

it('the connection is down for as long as the broker is away, and up again by itself', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'careseal-health-'))
  const first = await startNats({ dataDir })
  const nc = await connectNats({ url: first.url, name: 'spec' })
  const health = natsHealth(nc)
  expect(health()).toEqual({ up: true, detail: 'connected' })
  await first.kill()
  await vi.waitFor(() => expect(health().detail).toMatch(/^reconnecting for \d+ s$/), 10_000)
  const second = await startNats({ dataDir, port: first.port })
  await vi.waitFor(() => expect(health()).toEqual({ up: true, detail: 'connected' }), 20_000)
  await nc.close()
  await second.stop()
  rmSync(dataDir, { recursive: true, force: true })
}, 60_000)
