import { Injectable } from '@nestjs/common'
import { operationOutcome, parseSearch, type SearchQuery } from '@careseal/fhir'
import { HttpProblem } from '@careseal/service-kit'
import { ServerBase } from '../http/server-base.js'
import type { OpenedVersion } from '../versions/version-opener.js'
import type { ReadContext } from '../reading/read.service.js'
import { SearchService } from './search.service.js'

/** Searches as Bundles of type searchset. */
@Injectable()
export class SearchPages {
  constructor(
    private readonly searches: SearchService,
    private readonly base: ServerBase,
  ) {}

  /** Throws 400 for parameters that are unknown, unless `lenient`, which lists them in an outcome entry. */
  async page(
    type: string,
    parameters: [string, string][],
    { lenient, ...context }: ReadContext & { lenient: boolean },
  ): Promise<object> {
    const parsed = parseSearch(type, parameters, { strict: !lenient })
    if (!parsed.ok) {
      const { issues } = parsed
      throw new HttpProblem(400, 'bad-search', 'The search cannot be understood as a whole.', { issues })
    }
    const { matches, cursor } = await this.searches.search(parsed.query, context)
    return {
      resourceType: 'Bundle',
      type: 'searchset',
      link: this.links(parsed.query, cursor),
      ...this.entries(parsed.query, matches),
    }
  }

  private links({ type, used }: SearchQuery, cursor: string | undefined): object[] {
    const urlOf = (parameters: readonly (readonly [string, string])[]) => {
      const search = new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value]))
      return `${this.base.url}${type}${search.size > 0 ? `?${search.toString()}` : ''}`
    }
    const self = { relation: 'self', url: urlOf(used) }
    if (cursor === undefined) return [self]
    return [self, { relation: 'next', url: urlOf([...used, ['_cursor', cursor]]) }]
  }

  /** An empty array is no FHIR, so a searchset without hits has no `entry`. */
  private entries({ ignored }: SearchQuery, matches: readonly OpenedVersion[]): { entry?: object[] } {
    const hits = matches.map(({ type, id, resource }) => ({
      fullUrl: `${this.base.url}${type}/${id}`,
      resource,
      search: { mode: 'match' },
    }))
    const outcome = ignored.length === 0 ? [] : [{ resource: operationOutcome(ignored), search: { mode: 'outcome' } }]
    const entry = [...hits, ...outcome]
    return entry.length === 0 ? {} : { entry }
  }
}
