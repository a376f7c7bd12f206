/** When a test process ends, the template its databases were cloned from goes too. */
export const mochaHooks = {
  async afterAll(): Promise<void> {
    if (process.env['TEST_POSTGRES_URL'] === undefined) return;
    const { dropTemplate } = await import('./database.ts');
    await dropTemplate();
  },
};
