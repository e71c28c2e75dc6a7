import { Body, Controller, Get, HttpCode, Param, Post, Req, Res, UseInterceptors } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { Requires } from '@careseal/authz'
import { FhirMediaInterceptor, HttpProblem, isForm, type Form } from '@careseal/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { SearchPages } from '../searching/search-pages.js'
import { assertOwned } from '../writing/write-requests.js'
import { preferencesOf, sendFhir } from './fhir-reply.js'
import { readContext } from './request-context.js'

/** Search by URL and by form. */
@ApiTags('search')
@Controller('fhir')
@UseInterceptors(FhirMediaInterceptor)
export class SearchController {
  constructor(private readonly pages: SearchPages) {}

  @Get(':type')
  @Requires({ fhir: 's' })
  async byUrl(@Param('type') type: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.answer(type, parametersOf(request.query as Form), { request, reply })
  }

  @Post(':type/_search')
  @HttpCode(200)
  @Requires({ fhir: 's' })
  async byForm(
    @Param('type') type: string,
    @Body() body: Form | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (body && !isForm(request)) throw formExpected()
    const parameters = [...parametersOf(request.query as Form), ...parametersOf(body ?? {})]
    await this.answer(type, parameters, { request, reply })
  }

  private async answer(
    type: string,
    parameters: [string, string][],
    { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  ): Promise<void> {
    assertOwned(type)
    const { lenient } = preferencesOf(request)
    sendFhir(reply, 200, await this.pages.page(type, parameters, { ...readContext(request), lenient }))
  }
}

/** Parameters in their order; a repeated one as often as it was given. */
export function parametersOf(parameters: Form): [string, string][] {
  return Object.entries(parameters).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, one]),
  )
}

function formExpected(): HttpProblem {
  return new HttpProblem(415, 'unsupported-media-type', 'Send the search as application/x-www-form-urlencoded.')
}
