variable "budget" {
  type        = number
  default     = 100
  description = "{\"Label\":{\"en\":\"Monthly budget\",\"zh-cn\":\"每月预算\"},\"Description\":{\"en\":\"The third resource costs 500 a month: with less, the launch fails half-way.\",\"zh-cn\":\"第三个资源每月需要 500，预算不足时启动会中途失败。\"}}"
}

resource "terraform_data" "project" {
  input = { name = "project" }
}

resource "terraform_data" "bucket" {
  input = { project = terraform_data.project.id }
}

resource "terraform_data" "warehouse" {
  input = { bucket = terraform_data.bucket.id, cost = 500 }

  lifecycle {
    postcondition {
      # The ID is unknown while planning, so that this fails when the resource is made.
      condition     = var.budget >= (self.id == "" ? 0 : 500)
      error_message = "QuotaExceeded: creating warehouse needs a monthly budget of 500, and ${var.budget} is left. Ask for a larger budget or launch with budget = 500."
    }
  }
}

resource "terraform_data" "report" {
  input = { warehouse = terraform_data.warehouse.output }
}

output "warehouse" {
  description = "ID of the warehouse"
  value       = terraform_data.warehouse.id
}
