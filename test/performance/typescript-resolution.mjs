// Lets Node run the files of test/ as they are: it strips types by itself, but takes `./x.js` for a file that is not there.
import { registerHooks } from 'node:module'

const HERE = new URL('..', import.meta.url).href

registerHooks({
  resolve(specifier, context, next) {
    const isOurs = context.parentURL?.startsWith(HERE) && specifier.startsWith('.') && specifier.endsWith('.js')
    const resolved = isOurs ? new URL(specifier, context.parentURL).href : ''
    return resolved.startsWith(HERE) ? next(`${specifier.slice(0, -3)}.ts`, context) : next(specifier, context)
  },
})
