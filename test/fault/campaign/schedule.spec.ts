import { describe, expect, it } from 'vitest'
import { EVERY_FAULT } from '../faults/every-fault.js'
import { FAULT_KINDS, timesEach } from '../faults/kinds.js'
import { scheduleOf } from './schedule.js'

const counts = timesEach(3, ...FAULT_KINDS)
const namesOf = (seed: string) =>
  scheduleOf(counts, { seed, atOnce: 4 }).map(({ strikes }) =>
    strikes.map(({ fault, afterMs }) => [fault.kind, afterMs]),
  )

describe('a schedule of faults', () => {
  it('makes every kind of fault that is counted, each in one way', () => {
    expect(EVERY_FAULT.map(({ kind }) => kind).toSorted()).toEqual([...FAULT_KINDS].toSorted())
  })

  it('is the same for the same seed, and another for another', () => {
    expect(namesOf('a')).toEqual(namesOf('a'))
    expect(namesOf('a')).not.toEqual(namesOf('b'))
  })

  it('holds each fault as often as was asked for', () => {
    const kinds = namesOf('a')
      .flat()
      .map(([kind]) => kind)
    for (const kind of FAULT_KINDS) expect(kinds.filter((one) => one === kind)).toHaveLength(3)
  })

  it('never strikes one target twice at once, and leaves alone what goes with no other', () => {
    const volleys = scheduleOf(counts, { seed: 'a', atOnce: 4 }).map(({ strikes, settles }) => ({
      targets: strikes.map(({ fault }) => fault.target),
      settles,
    }))
    expect(volleys.filter(({ targets }) => new Set(targets).size < targets.length)).toEqual([])
    const alone = volleys.filter(({ targets }) => targets.includes('all'))
    expect(alone.filter(({ targets, settles }) => targets.length > 1 || !settles)).toEqual([])
  })
})
