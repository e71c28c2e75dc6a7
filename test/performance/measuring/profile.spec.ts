import { describe, expect, it } from 'vitest'
import { summaryOf } from './profile.js'

const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 9 })

describe('the summary of a CPU profile', () => {
  it('adds up self times by function, the greatest first, and leaves idle time out', () => {
    const summary = summaryOf({
      nodes: [
        { id: 1, callFrame: frame('(idle)') },
        { id: 2, callFrame: frame('nodeHash', 'file:///somewhere/libs/merkle/dist/tree.js') },
        { id: 3, callFrame: frame('', 'file:///somewhere/node_modules/pg/lib/query.js') },
        { id: 4, callFrame: frame('nodeHash', 'file:///somewhere/libs/merkle/dist/tree.js') },
      ],
      samples: [1, 2, 3, 4],
      timeDeltas: [500, 200, 100, 200],
    })
    expect(summary).toEqual({
      busyPercent: 50,
      top: [
        { code: 'nodeHash libs/merkle/dist/tree.js:10', percent: 40 },
        { code: '(anonymous) pg/lib/query.js:10', percent: 10 },
      ],
      packages: [
        { code: 'libs/merkle', percent: 40 },
        { code: 'pg', percent: 10 },
      ],
    })
  })

  it('counts the start of the profile itself for nothing', () => {
    const nodes = [{ id: 1, callFrame: frame('post', 'node:inspector') }]
    expect(summaryOf({ nodes, samples: [1], timeDeltas: [10] })).toEqual({ busyPercent: 0, top: [], packages: [] })
  })

  it('says nothing of an empty profile', () => {
    expect(summaryOf({ nodes: [], samples: [], timeDeltas: [] })).toEqual({ busyPercent: 0, top: [], packages: [] })
  })
})
