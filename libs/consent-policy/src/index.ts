export * from './default-policy.js'
export * from './evaluate.js'
export * from './judge.js'
export * from './purpose-of-use.js'
