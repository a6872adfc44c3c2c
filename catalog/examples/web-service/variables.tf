variable "service_name" {
  type        = string
  default     = "shop"
  description = "{\"Label\":{\"en\":\"Service name\",\"zh-cn\":\"服务名称\"},\"Description\":{\"en\":\"Lower-case letters, digits and hyphens. It becomes the host name.\",\"zh-cn\":\"小写字母、数字和连字符，将作为主机名。\"}}"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.service_name))
    error_message = "The service name begins with a letter and has 2 to 31 lower-case letters, digits or hyphens."
  }
}

variable "server_count" {
  type        = number
  default     = 2
  description = "{\"Label\":{\"en\":\"Number of servers\",\"zh-cn\":\"服务器数量\"},\"Description\":{\"en\":\"From 1 to 20.\",\"zh-cn\":\"1 到 20。\"}}"

  validation {
    condition     = var.server_count >= 1 && var.server_count <= 20 && floor(var.server_count) == var.server_count
    error_message = "Choose a whole number of servers from 1 to 20."
  }
}

variable "server_size" {
  type        = string
  default     = "small"
  description = "{\"Label\":{\"en\":\"Server size\",\"zh-cn\":\"服务器规格\"},\"AllowedValues\":[\"small\",\"medium\",\"large\"]}"
}

variable "image" {
  type        = string
  default     = "registry/shop:1.0"
  description = "{\"Label\":{\"en\":\"Container image\",\"zh-cn\":\"容器镜像\"}}"
}

variable "https" {
  type        = bool
  default     = true
  description = "{\"Label\":{\"en\":\"Serve over HTTPS\",\"zh-cn\":\"启用 HTTPS\"}}"
}

variable "network_cidr" {
  type        = string
  default     = "10.20.0.0/16"
  description = "{\"Label\":{\"en\":\"Network range\",\"zh-cn\":\"网段\"},\"Description\":{\"en\":\"In CIDR notation.\",\"zh-cn\":\"CIDR 格式。\"}}"

  validation {
    condition     = can(cidrnetmask(var.network_cidr))
    error_message = "Write the range in CIDR notation, for example 10.20.0.0/16."
  }
}

variable "environment_variables" {
  type        = map(string)
  default     = { LOG_LEVEL = "info" }
  description = "{\"Label\":{\"en\":\"Environment variables\",\"zh-cn\":\"环境变量\"},\"Description\":{\"en\":\"Handed to every server.\",\"zh-cn\":\"传给每台服务器。\"}}"
}

variable "admin_password" {
  type        = string
  sensitive   = true
  description = "{\"Label\":{\"en\":\"Administrator password\",\"zh-cn\":\"管理员密码\"},\"Description\":{\"en\":\"At least 8 characters. It is stored encrypted and never shown again.\",\"zh-cn\":\"至少 8 个字符，加密保存，不再显示。\"}}"

  validation {
    condition     = length(var.admin_password) >= 8
    error_message = "Choose a password of at least 8 characters."
  }
}
