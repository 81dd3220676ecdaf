# Uses the simulator as its documentation shows proxmoxer used: list, clone, configure, start, snapshot, delete.
import json
import sys

from proxmoxer import ProxmoxAPI
from proxmoxer.tools import Tasks

host, port, ca_file, user, token_name, secret = sys.argv[1:7]
proxmox = ProxmoxAPI(host, port=int(port), user=user, token_name=token_name, token_value=secret, verify_ssl=ca_file)
seen = {}


def finish(upid):
    """Waits for the task and returns its exit status."""
    task = Tasks.blocking_status(proxmox, upid, timeout=60, polling_interval=0.1)
    return task["exitstatus"] if task else "timed out"


seen["nodes"] = sorted(node["node"] for node in proxmox.nodes.get())
node = proxmox.nodes("pve1")
seen["templates"] = [vm["vmid"] for vm in node.qemu.get() if vm.get("template") == 1]
vmid = int(proxmox.cluster.nextid.get())
seen["vmid"] = vmid
seen["clone"] = finish(node.qemu(9000).clone.post(newid=vmid, name="from-python"))
vm = node.qemu(vmid)
vm.config.put(cores=2, memory=2048, description="made with proxmoxer", tags="python;test")
config = vm.config.get()
seen["config"] = {key: config[key] for key in ("name", "cores", "memory", "description", "tags")}
seen["resize"] = finish(vm.resize.put(disk="scsi0", size="+8G"))
seen["start"] = finish(vm.status.start.post())
seen["status"] = vm.status.current.get()["status"]
seen["stop"] = finish(vm.status.stop.post())
seen["snapshot"] = finish(vm.snapshot.post(snapname="before", description="by hand"))
seen["snapshots"] = [entry["name"] for entry in vm.snapshot.get()]
seen["rollback"] = finish(vm.snapshot("before").rollback.post())
seen["delete"] = finish(vm.delete())
try:
    vm.config.get()
except Exception as error:
    seen["missing"] = str(error)
print(json.dumps(seen))
