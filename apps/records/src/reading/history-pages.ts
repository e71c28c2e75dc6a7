import { Injectable } from '@nestjs/common'
import { HttpProblem } from '@careseal/service-kit'
import { ServerBase } from '../http/server-base.js'
import type { CursorScope } from '../searching/cursor.js'
import { SearchKeys } from '../searching/search-keys.js'
import type { Reference } from '../versions/version.query.js'
import { etagOf } from '../versions/version.js'
import type { OpenedVersion } from '../versions/version-opener.js'
import { ReadService, type ReadContext } from './read.service.js'

const DEFAULT_COUNT = 50
const MAX_COUNT = 200

type Query = Record<string, string | string[] | undefined>

/** A resource's versions as Bundles of type history, newest first. */
@Injectable()
export class HistoryPages {
  constructor(
    private readonly reads: ReadService,
    private readonly keys: SearchKeys,
    private readonly base: ServerBase,
  ) {}

  async page({ type, id }: Reference, query: Query, context: ReadContext): Promise<object> {
    const limit = countOf(query)
    const { _cursor: cursor } = query
    const target = `${type}/${id}/_history`
    const scope: CursorScope = { caller: context.caller, target, used: [['_count', String(limit)]] }
    const cursors = await this.keys.cursors()
    const before = cursor === undefined ? undefined : Number(cursors.decode(String(cursor), scope))
    if (Number.isNaN(before))
      throw new HttpProblem(400, 'wrong-cursor', 'The page link is not for this or not for you.')
    const { versions, total, next } = await this.reads.history({ type, id }, { before, limit }, context)
    const self = `${this.base.url}${target}?_count=${limit}`
    const link = [{ relation: 'self', url: self }]
    if (next !== undefined)
      link.push({ relation: 'next', url: `${self}&_cursor=${cursors.encode(String(next), scope)}` })
    const entry = versions.map((version) => this.entryOf(version))
    return { resourceType: 'Bundle', type: 'history', total, link, entry }
  }

  private entryOf(version: OpenedVersion): object {
    const { type, id, interaction, resource, versionId, recordedAt } = version
    const method = { create: 'POST', update: 'PUT', delete: 'DELETE' }[interaction]
    const status = { create: '201 Created', update: '200 OK', delete: '204 No Content' }[interaction]
    return {
      fullUrl: `${this.base.url}${type}/${id}`,
      ...(resource ? { resource } : {}),
      request: { method, url: interaction === 'create' ? type : `${type}/${id}` },
      response: { status, etag: etagOf(versionId), lastModified: recordedAt.toISOString() },
    }
  }
}

function countOf({ _count: count, ...rest }: Query): number {
  const unknown = Object.keys(rest).find((name) => !['_cursor', '_format'].includes(name))
  if (unknown !== undefined) throw new HttpProblem(400, 'unknown-parameter', 'A history knows _count alone.')
  if (count === undefined) return DEFAULT_COUNT
  if (typeof count !== 'string' || !/^[1-9]\d{0,5}$/.test(count)) {
    throw new HttpProblem(400, 'bad-count', '_count must be a number of at least 1.')
  }
  return Math.min(Number(count), MAX_COUNT)
}
