import { isObject, type Json, type JsonObject } from './resource.js'

/** All values at a dotted path of members; arrays on the way are walked through. */
export function valuesAt(object: JsonObject, path: string): Json[] {
  let values: Json[] = [object]
  for (const member of path.split('.')) values = values.flatMap((value) => memberValues(value, member))
  return values
}

function memberValues(value: Json, member: string): Json[] {
  if (!isObject(value)) return []
  const found = value[member]
  if (found === undefined || found === null) return []
  return Array.isArray(found) ? found : [found]
}
