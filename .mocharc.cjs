module.exports = {
  'node-option': ['import=tsx'],
  timeout: 20_000,
  forbidOnly: Boolean(process.env.CI),
  forbidPending: true,
};
