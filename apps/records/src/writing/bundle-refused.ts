import { HttpProblem } from '@careseal/service-kit'

/** A refusal of one entry, with the FHIRPath of the entry where the request had several. */
export class BundleRefused extends HttpProblem {
  constructor(problem: HttpProblem, where: string) {
    const code = problem.status === 404 ? 'not-found' : 'processing'
    const issue = { severity: 'error' as const, code, diagnostics: problem.detail, expression: [where] }
    super(problem.status, problem.code, problem.detail, where.includes('entry[') ? { issues: [issue] } : {})
  }
}
