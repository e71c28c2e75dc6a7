// ESM without a transformer; run it as `node --experimental-vm-modules node_modules/jest/bin/jest.js`.
export default { testEnvironment: 'node', transform: {} }
