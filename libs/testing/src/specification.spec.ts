import { describe, expect, it } from 'vitest'
import { specification, type Decider } from './specification.js'

type DoorEvent = { type: 'Opened' } | { type: 'Shut' }
type DoorCommand = 'open' | 'shut'

const door: Decider<'open' | 'shut', DoorCommand, DoorEvent> = {
  initialState: 'shut',
  decide: (command, state) => {
    if ((command === 'open') === (state === 'open')) return { rejected: `already-${state}` }
    return { events: [{ type: command === 'open' ? 'Opened' : 'Shut' }] }
  },
  evolve: (_state, event) => (event.type === 'Opened' ? 'open' : 'shut'),
}
const given = specification(door)

describe('a specification', () => {
  it('passes when the decider answers as it says', () => {
    expect(() => given().when('open').then({ type: 'Opened' })).not.toThrow('')
    expect(() => given({ type: 'Opened' }).when('shut').thenState('shut')).not.toThrow('')
  })

  it('fails when other events come', () => {
    expect(() => given().when('open').then({ type: 'Shut' })).toThrow(/Opened/)
    expect(() => given().when('open').thenState('shut')).toThrow(/open/)
  })

  it('fails when another rule was broken, or none', () => {
    const open = { type: 'Opened' } as const
    expect(() => given(open).when('shut').thenRejected('already-shut')).toThrow(/Shut/)
    expect(() => given(open).when('open').thenRejected('locked')).toThrow(/already-open/)
    expect(() => given(open).when('open').thenState('open')).toThrow(/rejected/)
  })
})
