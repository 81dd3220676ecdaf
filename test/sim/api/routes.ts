// Every endpoint the simulator serves.
import { agentRoutes } from './agent.ts';
import { backupJobRoutes } from './backup-jobs.ts';
import { pruneRoutes } from './backup-prune.ts';
import { backupRoutes } from './backup.ts';
import { consoleRoutes } from './console.ts';
import { loginRoutes } from './login.ts';
import { rrdRoutes } from './rrd.ts';
import { backupReadRoutes } from './backup-reads.ts';
import { clusterOptionRoutes } from './cluster-options.ts';
import { haRuleRoutes } from './ha-rules.ts';
import { highAvailabilityRoutes } from './high-availability.ts';
import { createRoutes } from './create.ts';
import { cloudInitRoutes } from './cloud-init.ts';
import { indexRoutes } from './indexes.ts';
import { poolRoutes } from './pools.ts';
import { snapshotRoutes } from './snapshot.ts';
import { storageVolumeRoutes } from './storage-volumes.ts';
import { templateRoutes } from './template.ts';
import { cloneRoutes } from './clone.ts';
import { clusterRoutes } from './cluster.ts';
import { configReadRoutes } from './config/show.ts';
import { configUpdateRoutes } from './config/update.ts';
import { destroyRoutes } from './destroy.ts';
import { firewallOptionRoutes } from './firewall-options.ts';
import { firewallRuleRoutes } from './firewall-rules.ts';
import { firewallSetRoutes } from './firewall-sets.ts';
import { migrateRoutes } from './migrate.ts';
import { moveDiskRoutes } from './move-disk.ts';
import { nodeRoutes } from './nodes.ts';
import { powerRoutes } from './power.ts';
import { resizeRoutes } from './resize.ts';
import type { Route } from './route.ts';
import { storageRoutes } from './storage.ts';
import { taskRoutes } from './task-routes.ts';

export const routes: readonly Route[] = [
  ...clusterRoutes,
  ...nodeRoutes,
  ...storageRoutes,
  ...configReadRoutes,
  ...configUpdateRoutes,
  ...cloneRoutes,
  ...migrateRoutes,
  ...powerRoutes,
  ...resizeRoutes,
  ...destroyRoutes,
  ...firewallOptionRoutes,
  ...firewallSetRoutes,
  ...firewallRuleRoutes,
  ...taskRoutes,
  ...agentRoutes,
  ...snapshotRoutes,
  ...templateRoutes,
  ...moveDiskRoutes,
  ...poolRoutes,
  ...cloudInitRoutes,
  ...storageVolumeRoutes,
  ...indexRoutes,
  ...createRoutes,
  ...backupReadRoutes,
  ...clusterOptionRoutes,
  ...highAvailabilityRoutes,
  ...haRuleRoutes,
  ...consoleRoutes,
  ...rrdRoutes,
  ...loginRoutes,
  ...backupRoutes,
  ...pruneRoutes,
  ...backupJobRoutes,
];
