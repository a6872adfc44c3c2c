variable "name" {
  type        = string
  default     = "orders"
  description = "{\"Label\":{\"en\":\"Database name\",\"zh-cn\":\"数据库名称\"}}"
}

variable "storage_gib" {
  type        = number
  default     = 20
  description = "{\"Label\":{\"en\":\"Storage (GiB)\",\"zh-cn\":\"存储（GiB）\"},\"MinValue\":10,\"MaxValue\":1000}"
}

variable "backup_days" {
  type        = number
  default     = 7
  description = "{\"Label\":{\"en\":\"Keep backups for (days)\",\"zh-cn\":\"备份保留天数\"},\"AllowedValues\":[1,7,30]}"
}

resource "terraform_data" "disk" {
  input = { size = var.storage_gib }
}

resource "terraform_data" "database" {
  input            = { name = var.name, disk = terraform_data.disk.id, backups = var.backup_days }
  triggers_replace = ["engine 15"]
}

output "endpoint" {
  description = "Where applications connect"
  value       = "${var.name}.db.example.test:5432"
}
