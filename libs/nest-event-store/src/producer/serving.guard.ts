// Keeps every HTTP route but the probes shut while the producer is not confirmed (I21).
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common'
import { ProducerGuard } from './producer-guard.service.js'

const PROBES = new Set(['/livez', '/readyz', '/startupz'])

@Injectable()
export class ServingGuard implements CanActivate {
  constructor(private readonly producer: ProducerGuard) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() === 'http' && PROBES.has(pathOf(context))) return true
    this.producer.assertServing()
    return true
  }
}

function pathOf(context: ExecutionContext): string {
  const { url } = context.switchToHttp().getRequest<{ url: string }>()
  return url.split('?', 1)[0]!
}
