import { randomUUID } from 'node:crypto';
import { Server, ServerCredentials, status, type Metadata, type UntypedHandleCall } from '@grpc/grpc-js';
import gossipGrpc from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import featuresGrpc from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import { freePort } from '../ports.ts';
import { createAppending, createBatchAppending } from './appending.ts';
import { createFaults, type Faults } from './faults.ts';
import { createDoubleLog, type DoubleLog } from './log.ts';
import { createReading } from './reading.ts';
import { notLeader, rpcError } from './wire.ts';

const HOST = '127.0.0.1';
const VERSION = '24.10.0.double';
const METHODS = ['Read', 'Append', 'Delete', 'Tombstone', 'BatchAppend'];

/** The nodes of one cluster: they share a log, and one of them leads. */
interface Cluster {
  readonly log: DoubleLog;
  readonly ports: number[];
  leader: number;
}

export interface EventStoreDouble {
  /** `esdb://…?tls=false` */
  readonly url: string;
  readonly port: number;
  readonly log: DoubleLog;
  readonly cluster: Cluster;
  readonly faults: Faults;
  /** How many appends, subscriptions and reads have arrived. */
  readonly counts: { appends: number; subscriptions: number; reads: number };
  /** Ends every subscription: cleanly, or with an error. */
  endSubscriptions(how?: 'cleanly' | 'with an error'): void;
  /** Ends the append stream of every client: cleanly, or with an error. */
  endAppends(how?: 'cleanly' | 'with an error'): void;
  /** Cuts every connection and stops listening. The log stays. */
  goDown(): Promise<void>;
  /** Listens again, at the same port. */
  comeUp(): Promise<void>;
  stop(): Promise<void>;
}

export interface DoubleOptions {
  /** The port to listen on; a free one by default. */
  readonly port?: number;
  /** The cluster to join. By default the double leads a new one. */
  readonly cluster?: Cluster;
  readonly systemRecordEvery?: number;
}

function gossipOf(cluster: Cluster) {
  const info = new gossip.ClusterInfo();
  for (const port of cluster.ports) {
    const id = new shared.UUID();
    id.setString(randomUUID());
    const endpoint = new gossip.EndPoint();
    endpoint.setAddress(HOST);
    endpoint.setPort(port);
    const member = new gossip.MemberInfo();
    member.setInstanceId(id);
    member.setIsAlive(true);
    member.setTimeStamp(String(Date.now()));
    const { LEADER, FOLLOWER } = gossip.MemberInfo.VNodeState;
    member.setState(port === cluster.leader ? LEADER : FOLLOWER);
    member.setHttpEndPoint(endpoint);
    info.addMembers(member);
  }
  return info;
}

function supportedMethods() {
  const supported = new features.SupportedMethods();
  supported.setEventStoreServerVersion(VERSION);
  for (const name of METHODS) {
    const method = new features.SupportedMethod();
    method.setServiceName('event_store.client.streams.streams');
    method.setMethodName(name.toLowerCase());
    supported.addMethods(method);
  }
  return supported;
}

/**
 * An EventStoreDB in this process, over real gRPC and with a log in memory. It implements the part that the client needs, with the
 * rules of a real server, and has faults on demand.
 */
export async function startEventStoreDouble(options: DoubleOptions = {}): Promise<EventStoreDouble> {
  const log = options.cluster?.log ?? createDoubleLog(options);
  const cluster = options.cluster ?? { log, ports: [], leader: 0 };
  const faults = createFaults();
  const counts = { appends: 0, subscriptions: 0, reads: 0 };
  const subscriptions = new Set<(error?: Error) => void>();
  const batches = new Set<(error?: Error) => void>();
  let server: Server | undefined;
  let port = options.port ?? (await freePort());

  const elsewhere = (): Error => notLeader({ host: HOST, port: cluster.leader });
  const refuse = ({ metadata }: { metadata: Metadata }): Error | undefined =>
    metadata.get('requires-leader')[0] === 'true' && cluster.leader !== port ? elsewhere() : undefined;
  const deps = { log, faults, refuse };
  const read = createReading({ ...deps, subscriptions });
  const appending = { ...deps, notLeader: elsewhere, batches, onAppend: () => (counts.appends += 1) };
  const unimplemented: UntypedHandleCall = (_call: unknown, callback: (error: Error) => void) =>
    callback(rpcError(status.UNIMPLEMENTED, 'the double does not do this'));

  async function listen(): Promise<void> {
    const made = new Server({ 'grpc.max_receive_message_length': 17 * 1024 * 1024 });
    made.addService(streamsGrpc.StreamsService, {
      read: (call: Parameters<typeof read>[0]) => {
        counts[call.request.getOptions()!.hasSubscription() ? 'subscriptions' : 'reads'] += 1;
        read(call);
      },
      append: createAppending(appending),
      batchAppend: createBatchAppending(appending),
      delete: unimplemented,
      tombstone: unimplemented,
    });
    made.addService(featuresGrpc.ServerFeaturesService, {
      getSupportedMethods: (_call: unknown, callback: (error: Error | null, value?: unknown) => void) => {
        const failing = faults.takes('featuresFailing');
        if (failing) callback(rpcError(status.INTERNAL, 'the double is told to fail'));
        else void faults.gate().then(() => callback(null, supportedMethods()));
      },
    });
    made.addService(gossipGrpc.GossipService, {
      read: (_call: unknown, callback: (error: null, value: unknown) => void) => callback(null, gossipOf(cluster)),
    });
    port = await new Promise<number>((resolve, reject) => {
      made.bindAsync(`${HOST}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    server = made;
  }

  function goDown(): Promise<void> {
    server?.forceShutdown();
    server = undefined;
    subscriptions.clear();
    batches.clear();
    return Promise.resolve();
  }

  await listen();
  if (cluster.ports.length === 0) cluster.leader = port;
  cluster.ports.push(port);
  const unavailable = (): Error => rpcError(status.UNAVAILABLE, 'the double ends this');
  const endAll = (calls: Set<(error?: Error) => void>, how: 'cleanly' | 'with an error'): void => {
    for (const end of [...calls]) end(how === 'cleanly' ? undefined : unavailable());
  };
  return {
    url: `esdb://${HOST}:${port}?tls=false`,
    ...{ port, log, cluster, faults, counts, goDown },
    comeUp: listen,
    endSubscriptions: (how = 'cleanly') => endAll(subscriptions, how),
    endAppends: (how = 'cleanly') => endAll(batches, how),
    stop: goDown,
  };
}
