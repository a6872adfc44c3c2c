variable "node_count" {
  type        = number
  default     = 12
  description = "{\"Label\":{\"en\":\"Number of nodes\",\"zh-cn\":\"节点数量\"},\"Description\":{\"en\":\"From 2 to 30.\",\"zh-cn\":\"2 到 30。\"}}"

  validation {
    condition     = var.node_count >= 2 && var.node_count <= 30
    error_message = "A cluster has 2 to 30 nodes."
  }
}

variable "seconds_per_step" {
  type        = number
  default     = 5
  description = "{\"Label\":{\"en\":\"Seconds per step\",\"zh-cn\":\"每一步的秒数\"},\"Description\":{\"en\":\"How long each of the six steps takes, 0 to 20.\",\"zh-cn\":\"六个步骤各自的耗时，0 到 20。\"}}"

  validation {
    condition     = var.seconds_per_step >= 0 && var.seconds_per_step <= 20
    error_message = "Choose 0 to 20 seconds."
  }
}

resource "terraform_data" "control_plane" {
  input = { name = "control-plane" }

  provisioner "local-exec" {
    command = "sleep ${var.seconds_per_step}; echo the control plane answers"
  }
}

resource "terraform_data" "storage" {
  input = { name = "storage", after = terraform_data.control_plane.id }

  provisioner "local-exec" {
    command = "sleep ${var.seconds_per_step}; echo storage is ready"
  }
}

resource "terraform_data" "network_policy" {
  input = { name = "network-policy", after = terraform_data.storage.id }

  provisioner "local-exec" {
    command = "sleep ${var.seconds_per_step}; echo network policy is ready"
  }
}

resource "terraform_data" "registry" {
  input = { name = "registry", after = terraform_data.network_policy.id }

  provisioner "local-exec" {
    command = "sleep ${var.seconds_per_step}; echo registry is ready"
  }
}

resource "terraform_data" "monitoring" {
  input = { name = "monitoring", after = terraform_data.registry.id }

  provisioner "local-exec" {
    command = "sleep ${var.seconds_per_step}; echo monitoring is ready"
  }
}

resource "terraform_data" "node" {
  count = var.node_count
  input = { name = "node-${count.index + 1}", storage = terraform_data.storage.id }
}

resource "terraform_data" "dashboard" {
  input = { nodes = terraform_data.node[*].id, after = terraform_data.monitoring.id }

  provisioner "local-exec" {
    command = "sleep ${var.seconds_per_step}; echo the cluster is complete"
  }
}

output "dashboard" {
  description = "Where the cluster's dashboard answers"
  value       = "https://${terraform_data.dashboard.id}.example.test/"
}
