// A start may take longer than a test's usual five seconds, the first one above all.
export default { test: { include: ['*.test.js'], testTimeout: 60_000, hookTimeout: 180_000 } }
