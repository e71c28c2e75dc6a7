export { DURABLE_STEPS, durableStep, type DurableStep } from './durable-step.js'
