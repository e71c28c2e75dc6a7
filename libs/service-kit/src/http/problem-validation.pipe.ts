// zod schemas on @Body, @Query and @Param are enforced here. What was wrong is told by path, never by value.
import { StandardSchemaValidationPipe, type StandardSchemaValidationPipeOptions } from '@nestjs/common'
import { HttpProblem } from '../errors/http-problem.js'

/** One fault as zod and other Standard Schema libraries report it. */
export type SchemaIssue = Parameters<NonNullable<StandardSchemaValidationPipeOptions['exceptionFactory']>>[0][number]

export function problemValidationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({ exceptionFactory: invalidRequest })
}

/** 400 `invalid-request` with one entry of `errors` per fault: JSON Pointer and what is wrong there. */
export function invalidRequest(issues: readonly SchemaIssue[]): HttpProblem {
  const errors = issues.map((issue) => ({ pointer: pointerOf(issue.path), problem: issue.message }))
  const told = errors.map(({ pointer, problem }) => `${pointer || '(body)'}: ${problem}`).join('; ')
  return new HttpProblem(400, 'invalid-request', told, {
    members: { errors },
    issues: issues.map((issue) => ({
      severity: 'error',
      code: 'invalid',
      diagnostics: `${pointerOf(issue.path) || '(body)'}: ${issue.message}`,
    })),
  })
}

function pointerOf(path: SchemaIssue['path']): string {
  const keys = (path ?? []).map((segment) => String(typeof segment === 'object' ? segment.key : segment))
  return keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
