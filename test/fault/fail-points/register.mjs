// Loaded by `node --import` into a service under test: puts striking.mjs in the place of libs/durable-step.
import { registerHooks } from 'node:module'

const STRIKING = new URL('striking.mjs', import.meta.url).href

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context)
    const isStep = resolved.url.endsWith('/libs/durable-step/dist/index.js')
    return isStep && context.parentURL !== STRIKING ? { ...resolved, url: STRIKING } : resolved
  },
})
