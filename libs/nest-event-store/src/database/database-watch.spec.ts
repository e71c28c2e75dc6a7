import { describe, expect, it, vi } from 'vitest'
import { DatabaseWatch } from './database-watch.js'

type Callback = (error: Error | null, result: { rows: { identity: string }[] }) => void

function clientOf(identity: string | Error) {
  const query = (_text: string, done: Callback) =>
    identity instanceof Error ? done(identity, { rows: [] }) : done(null, { rows: [{ identity }] })
  return { query } as never
}

function watchOver(...identities: (string | Error)[]) {
  const watch = new DatabaseWatch()
  const onChange = vi.fn<() => void>()
  const verified = vi.fn<(error?: Error) => void>()
  watch.onChange(onChange)
  for (const identity of identities) watch.verify(clientOf(identity), verified)
  return { onChange, verified }
}

describe('the database watch', () => {
  it('stays quiet about the first database and about the same one', () => {
    expect(watchOver('a', 'a', 'a').onChange).not.toHaveBeenCalled()
  })

  it('tells each change before the connection is handed out', () => {
    const order: string[] = []
    const watch = new DatabaseWatch()
    watch.onChange(() => order.push('changed'))
    for (const identity of ['a', 'b', 'b', 'a']) watch.verify(clientOf(identity), () => order.push(identity))
    expect(order).toEqual(['a', 'changed', 'b', 'b', 'changed', 'a'])
  })

  it('refuses a connection that does not answer', () => {
    const failure = new Error('gone')
    const { verified, onChange } = watchOver('a', failure)
    expect(verified).toHaveBeenLastCalledWith(failure)
    expect(onChange).not.toHaveBeenCalled()
  })
})
