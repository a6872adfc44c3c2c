resource "terraform_data" "network" {
  input = {
    name = "${var.service_name}-network"
    cidr = var.network_cidr
  }
}

resource "terraform_data" "server" {
  count = var.server_count

  input = {
    name    = "${var.service_name}-${count.index + 1}"
    size    = var.server_size
    image   = var.image
    network = terraform_data.network.id
    env     = var.environment_variables
  }
}

resource "terraform_data" "certificate" {
  count = var.https ? 1 : 0

  input = {
    domain = "${var.service_name}.example.test"
  }
}

resource "terraform_data" "load_balancer" {
  input = {
    name    = "${var.service_name}-lb"
    port    = var.https ? 443 : 80
    servers = terraform_data.server[*].id
  }
}

resource "terraform_data" "admin_account" {
  input = {
    user          = "admin"
    password_hash = sha256(var.admin_password)
  }
}
