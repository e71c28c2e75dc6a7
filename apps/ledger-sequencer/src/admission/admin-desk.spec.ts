import { hex, sha256 } from '@careseal/crypto'
import { TileBuilder } from '@careseal/merkle'
import {
  approve,
  beginGovernance,
  ED25519,
  EMPTY_HEAD,
  firstLink,
  formatVkey,
  vkeyOf,
  type Genesis,
} from '@careseal/ledger-core'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { BlockPlanner } from '../appender/block-planner.js'
import { LeafQueue } from '../appender/leaf-queue.js'
import { AdminDesk, type AdminOutcome } from './admin-desk.js'

const ORIGIN = 'ledger.example.org/desk'
const TIME = 1_800_000_000
const operators = ['operator-1', 'operator-2'].map((name) => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x as string, 'base64url')
  const vkey = formatVkey(vkeyOf(sha256, { name, type: ED25519, publicKey: raw }))
  return { name, vkey, sign: (message: Uint8Array) => new Uint8Array(sign(null, message, privateKey)) }
})
const logKey = (fill: number) =>
  formatVkey(vkeyOf(sha256, { name: ORIGIN, type: ED25519, publicKey: new Uint8Array(32).fill(fill) }))

function newDesk(holdsKey: (vkey: string) => Promise<boolean> = async () => true) {
  const genesis: Genesis = {
    origin: ORIGIN,
    logKeys: [logKey(1)],
    operators: operators.map(({ vkey }) => vkey),
    producers: { records: hex(firstLink(sha256, ORIGIN, 'records')) },
    previous: null,
  }
  const planner = new BlockPlanner({ head: EMPTY_HEAD, tiles: TileBuilder.empty(), cursors: new Map(), epoch: 1 })
  planner.planGenesis(genesis, TIME)
  const queue = new LeafQueue({ batchMax: 10, lingerMs: 0 })
  const governance = beginGovernance(genesis)
  const desk = new AdminDesk({ genesis, governance, planner, queue, onAdmitted: () => {}, holdsKey })
  const submit = (index: number, vkey: string) => {
    const data = { owner: 'log', vkey, replaces: logKey(1) }
    return desk.submit({ index, admin: approve({ origin: ORIGIN, index }, { type: 'key-added', data }, operators) })
  }
  return { desk, planner, queue, submit }
}

/** As the appender turns: an entry that waits is planned and committed, or told that it is not its turn. */
async function turn({ desk, queue }: ReturnType<typeof newDesk>): Promise<void> {
  await queue.take()
  desk.plan(TIME)?.committed()
  desk.holdNextIndex()
}

describe('the desk for administration entries', () => {
  it('refuses in its turn what another entry has made wrong since it was judged', async () => {
    const planned = Promise.withResolvers<boolean>()
    let isFirst = true
    const world = newDesk(() => {
      if (!isFirst) return planned.promise
      isFirst = false
      return Promise.resolve(true)
    })
    const index = world.planner.treeSize
    const outcomes: Promise<AdminOutcome>[] = [world.submit(index, logKey(2)), world.submit(index + 2, logKey(2))]
    await turn(world)
    planned.resolve(true)
    await turn(world)
    expect(await outcomes[0]).toMatchObject({ appended: { index } })
    expect(await outcomes[1]).toMatchObject({ refused: 'not-in-order' })
    expect(world.planner.treeSize).toBe(index + 2)
  })

  it('holds the next index for what came too late', async () => {
    const world = newDesk()
    const late = world.submit(0, logKey(2))
    await turn(world)
    expect(await late).toMatchObject({ refused: 'index-passed', index: world.planner.treeSize })
  })

  it('holds nothing up for an index that is far ahead', async () => {
    const world = newDesk()
    const early = world.submit(1_000, logKey(2))
    await turn(world)
    expect(await early).toEqual({ refused: 'index-ahead' })
    const leaf = { producer: 'records', seq: 1, tag: '', commitment: '', link: '' }
    await world.queue.offer([leaf])
    const started = performance.now()
    expect(await world.queue.take()).toEqual([leaf])
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})
