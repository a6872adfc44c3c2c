output "url" {
  description = "Where the service answers"
  value       = "${var.https ? "https" : "http"}://${var.service_name}.example.test/"
}

output "servers" {
  description = "IDs of the servers"
  value       = terraform_data.server[*].id
}

output "admin_password" {
  description = "The administrator's password"
  value       = var.admin_password
  sensitive   = true
}
