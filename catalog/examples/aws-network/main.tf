terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

variable "name" {
  type        = string
  default     = "demo"
  description = "{\"Label\":{\"en\":\"Name\",\"zh-cn\":\"名称\"},\"Description\":{\"en\":\"Prefix of every resource's name; lower-case letters, digits and hyphens.\",\"zh-cn\":\"所有资源名称的前缀。\"},\"AllowedPattern\":\"[a-z][a-z0-9-]{1,20}\"}"
}

variable "cidr" {
  type        = string
  default     = "10.40.0.0/16"
  description = "{\"Label\":{\"en\":\"Network range\",\"zh-cn\":\"网段\"}}"

  validation {
    condition     = can(cidrsubnet(var.cidr, 8, 1))
    error_message = "Write the range in CIDR notation with room for /24 subnets, for example 10.40.0.0/16."
  }
}

variable "instance_type" {
  type        = string
  default     = "t3.micro"
  description = "{\"Label\":{\"en\":\"Instance type\",\"zh-cn\":\"实例规格\"},\"AllowedValues\":[\"t3.micro\",\"t3.small\",\"t3.medium\"]}"
}

variable "image_id" {
  type        = string
  default     = "ami-12c6146b"
  description = "{\"Label\":{\"en\":\"Machine image\",\"zh-cn\":\"镜像\"}}"
}

resource "aws_vpc" "main" {
  cidr_block = var.cidr
  tags       = { Name = var.name }
}

resource "aws_subnet" "main" {
  count      = 2
  vpc_id     = aws_vpc.main.id
  cidr_block = cidrsubnet(var.cidr, 8, count.index)
  tags       = { Name = "${var.name}-${count.index + 1}" }
}

resource "aws_s3_bucket" "files" {
  bucket_prefix = "${var.name}-files-"
  force_destroy = true
}

resource "aws_instance" "server" {
  ami           = var.image_id
  instance_type = var.instance_type
  subnet_id     = aws_subnet.main[0].id
  tags          = { Name = "${var.name}-server" }
}

output "vpc_id" {
  description = "ID of the network"
  value       = aws_vpc.main.id
}

output "bucket" {
  description = "Name of the bucket"
  value       = aws_s3_bucket.files.bucket
}
