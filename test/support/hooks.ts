/** When a test process ends, removes the template from which its databases were cloned. */
export const mochaHooks = {
  async afterAll(): Promise<void> {
    if (process.env['TEST_POSTGRES_URL'] === undefined) return;
    const { dropTemplate } = await import('./database.ts');
    await dropTemplate();
  },
};
