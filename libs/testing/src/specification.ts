// Given past events, when a command comes, then these events or that rejection: the whole test of a decider, no I/O.
import assert from 'node:assert/strict'

/** One aggregate's rules as functions over a state. A module that exports the three names is one. */
export type Decider<State, Command, Event> = {
  initialState: State
  decide(command: Command, state: State): Decision<Event>
  evolve(state: State, event: Event): State
}

/** What a decider answers: events, or a kebab code that says which rule the caller broke. */
export type Decision<Event> = { events: readonly Event[] } | { rejected: string }

/**
 * `given(past).when(command).then(events)` or `.thenRejected(code)`, and `.thenState(check)` for what follows.
 * Throws an AssertionError with the difference.
 */
export function specification<State, Command, Event>(decider: Decider<State, Command, Event>) {
  const evolve = (state: State, event: Event) => decider.evolve(state, event)
  return (...past: Event[]) => ({
    when(command: Command) {
      const before = past.reduce(evolve, decider.initialState)
      const decision = decider.decide(command, before)
      return {
        // oxlint-disable-next-line unicorn/no-thenable -- the word that a specification reads by; nobody awaits it
        then: (...events: Event[]) => assert.deepEqual(decision, { events }),
        thenRejected: (code: string) => assert.equal('rejected' in decision ? decision.rejected : decision, code),
        thenState: (state: State) => {
          assert.ok('events' in decision, `rejected: ${JSON.stringify(decision)}`)
          assert.deepEqual(decision.events.reduce(evolve, before), state)
        },
      }
    },
  })
}
