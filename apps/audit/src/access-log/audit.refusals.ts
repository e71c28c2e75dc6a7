import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common'
import { SubjectErased } from '@careseal/keys'
import { HttpProblem } from '@careseal/service-kit'
import { catchError, type Observable } from 'rxjs'

/** Gives what libraries throw the answer that it has over HTTP. */
@Injectable()
export class AuditRefusals implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      catchError((error: unknown) => {
        if (!(error instanceof SubjectErased)) throw error
        throw new HttpProblem(410, error.code, 'The data of this patient is erased.')
      }),
    )
  }
}
