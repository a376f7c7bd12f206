import { busContract } from '../contract.ts';
import { openNatsWorld } from './natsWorld.ts';

busContract('NATS JetStream', () => openNatsWorld(process.env['TEST_NATS_URL']!));
