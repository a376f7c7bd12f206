module.exports = {
  'node-option': ['import=tsx'],
  require: ['./test/support/hooks.ts'],
  timeout: 20_000,
  forbidOnly: Boolean(process.env.CI),
  forbidPending: true,
};
