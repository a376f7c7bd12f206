/** A kind of backend that clients come from: its paths, and the rows of the page of features that it promises. */
export interface Origin {
  readonly title: string;
  /** What is different at a glance. */
  readonly remark: string;
  /** Below `/api/v1`, by the names that its clients know. */
  readonly paths: readonly string[];
  /** `CAT-01,02` is CAT-01 and CAT-02. */
  readonly rows: string;
}

export const ORIGINS: readonly Origin[] = [
  {
    title: 'A shop with MySQL, Redis and Kafka',
    remark:
      'Orders are called transactions there. The database is Postgres here, and events need no broker; what is in the old database is [imported](command-line.md#cartulary-import-products) or entered anew.',
    paths: [
      ...['POST /users/register', 'POST /users/login', 'GET /users/profile', 'PUT /users/profile'],
      ...['GET /products', 'GET /products/:id', 'POST /products', 'PUT /products/:id', 'DELETE /products/:id'],
      ...['GET /transactions', 'GET /transactions/:id', 'POST /transactions'],
    ],
    rows: 'ID-01,02,06,07,10,11,12 CAT-01,02,03,04,05,06,10 ORD-01,02,03,04,09,10,13,14 NOT-01 RSP-01 EVT-01,02,09,10,11 CACHE-01,02,03,04,05,06,07,08 RL-12 SEC-01,03,07 ENV-01,06,07,08,09,11,22 OBS-06,08 OPS-01,02,03,09,15,19,20,21 TEST-01,02,04,05 DOC-01,03,07 ARC-01,02,03,04,06 MISC-02,07,11,12,13,14,15',
  },
  {
    title: 'A marketplace with PostgreSQL, Redis and NSQ',
    remark:
      'Stores, roles and the steps of an order are the same. The refresh token is in the body, and stock needs no lock.',
    paths: [
      ...['POST /auth/register', 'POST /auth/login', 'POST /auth/refresh'],
      ...['POST /stores', 'GET /stores/:id', 'PUT /stores/:id', 'POST /stores/:id/logo'],
      ...['POST /categories', 'GET /categories', 'PUT /categories/:id', 'DELETE /categories/:id'],
      ...['POST /products', 'GET /products', 'GET /products/:id', 'PUT /products/:id', 'DELETE /products/:id'],
      ...['POST /products/:id/image', 'POST /products/:id/reviews', 'GET /products/:id/reviews'],
      ...['GET /cart', 'POST /cart/items', 'PUT /cart/items/:product_id', 'DELETE /cart/items/:product_id'],
      ...['POST /orders', 'GET /orders', 'GET /orders/:id', 'PUT /orders/:id/cancel'],
      ...['GET /seller/orders', 'PUT /orders/:id/status'],
    ],
    rows: 'ID-01,02,03,04,07,08,09 CAT-01,02,03,04,05,06,07,08,10,11,12,13,14 INV-02 CART-01,02,03,04,05,06 ORD-01,03,04,05,06,07,08 PAY-01,02,03 RSP-02,03,07 EVT-03,04,11 CACHE-01,08,09,10 RL-01,02,03,04 SEC-01,03,04,05,06,07,08 ENV-01,02,03,04,05,08,10,11,12,13,14,15,16,22,23 OBS-01,02,03,07 OPS-03,19 TEST-01,02,03 DOC-02 ARC-01,02,03,04 MISC-06,08,09,13',
  },
  {
    title: 'A user service behind a backend for the frontend',
    remark: 'One program answers what both did. Routes that only the other service called are for administrators here.',
    paths: [
      ...['POST /register', 'POST /auth/login', 'POST /auth/refresh', 'POST /auth/logout'],
      ...['GET /protected/profile', 'GET /protected/admin/dashboard', 'POST /verify-credentials', 'GET /users/:id'],
    ],
    rows: 'ID-01,02,03,04,05,06,07,08,10,13,14,15,16,17,18,19 RSP-04,05,06 EVT-05,06 RL-05,06,07,08,09,10 SEC-01,02,09 ENV-02,04,09,11,17,18,19,22 OBS-01,07,09 OPS-01,03,04,05,06,07,08,10,11,14,19,20 TEST-01,02,11 DOC-06,07 ARC-03,06 MISC-01,02,06,10,13,15',
  },
  {
    title: 'Services that speak REST, gRPC and Kafka',
    remark:
      'Reservations are not made by hand: an order reserves, and its cancellation or deadline releases. There is no gRPC; the events are on NATS.',
    paths: [
      ...['POST /users/register', 'POST /users/login', 'GET /users/:id'],
      ...['POST /products', 'GET /products', 'GET /products/:id', 'PATCH /products/:id', 'DELETE /products/:id'],
      ...['GET /products/:id/stock', 'GET /inventory/low-stock', 'GET /inventory/:id'],
      ...['POST /orders', 'GET /orders/:id', 'POST /orders/:id/status', 'POST /orders/:id/cancel'],
      'DELETE /orders/:id',
    ],
    rows: 'ID-01,02,07,08,10,11 CAT-01,02,03,04,05,08,10 INV-01 ORD-01,02,07,11,12 PAY-04 NOT-03 EVT-07 SEC-10 OBS-01 OPS-01,12,17,19,25 TEST-01,06 DOC-05,07 ARC-01,04,06 MISC-06,15 AX.3',
  },
  {
    title: 'Services behind a gateway, with RabbitMQ and Stripe',
    remark:
      'The shop sets every price: `price` and `amount` in requests change nothing, and another amount than that of the order is refused. There is one address instead of seven.',
    paths: [
      ...['POST /auth/register', 'POST /auth/login', 'POST /auth/refresh', 'GET /users/me', 'GET /users/:id'],
      ...['POST /products', 'GET /products', 'GET /products/:id', 'PUT /products/:id', 'DELETE /products/:id'],
      ...['POST /categories', 'GET /categories', 'PUT /categories/:id', 'DELETE /categories/:id'],
      ...['GET /inventory/:id', 'GET /inventory/:id/history'],
      ...['GET /cart', 'POST /cart', 'PUT /cart/:product_id', 'DELETE /cart/:product_id', 'DELETE /cart'],
      ...['POST /orders', 'GET /orders', 'GET /orders/:id', 'DELETE /orders/:id'],
      ...['POST /payments', 'GET /payments', 'GET /payments/:id', 'GET /payments/order/:id'],
      ...['POST /payments/:id/confirm', 'POST /payments/:id/refund'],
    ],
    rows: 'ID-01,02,07,10,18,19,20 CAT-01,02,03,04,05,06,09,10,15,16,17,18,19 INV-01,03,04 CART-01,02,07 ORD-01,03,04 PAY-04,05,06,07,08,09 NOT-02,04 EVT-08 CACHE-11 RL-11 SEC-03,10 ENV-04,11,20,21,23 OBS-01,04,05,07,09 OPS-01,03,04,13,16,17,18,19,22,23,24 TEST-01,06,07,08,09,10 DOC-04,06,07 ARC-01,02,04,05,06 MISC-03,04,05,06,11,13,15 EP-67',
  },
];
