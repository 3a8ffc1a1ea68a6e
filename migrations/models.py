"""The tables of the demo shop as they stand at the newest revision."""

from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    __table_args__ = (sa.UniqueConstraint("email", name="uq_users_email"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(254))
    name: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class Product(Base):
    __tablename__ = "products"
    __table_args__ = (sa.UniqueConstraint("sku", name="uq_products_sku"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(sa.String(40))
    title: Mapped[str] = mapped_column(sa.String(200))
    price: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2))
    stock: Mapped[int] = mapped_column(server_default="0")


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (sa.Index("ix_orders_placed_at", "placed_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", name="fk_orders_user_id"))
    coupon_id: Mapped[int | None] = mapped_column(sa.ForeignKey("coupons.id", name="fk_orders_coupon_id"))
    placed_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class OrderLine(Base):
    __tablename__ = "order_lines"

    order_id: Mapped[int] = mapped_column(
        sa.ForeignKey("orders.id", name="fk_order_lines_order_id"), primary_key=True
    )
    product_id: Mapped[int] = mapped_column(
        sa.ForeignKey("products.id", name="fk_order_lines_product_id"), primary_key=True
    )
    quantity: Mapped[int]


class Coupon(Base):
    __tablename__ = "coupons"
    __table_args__ = (sa.UniqueConstraint("code", name="uq_coupons_code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(sa.String(40))
    percent_off: Mapped[int]
    expires_on: Mapped[date | None]


class Review(Base):
    __tablename__ = "reviews"

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("products.id", name="fk_reviews_product_id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", name="fk_reviews_user_id"))
    stars: Mapped[int] = mapped_column(sa.SmallInteger)
    body: Mapped[str] = mapped_column(sa.Text)
    coupon_id: Mapped[int | None] = mapped_column(sa.ForeignKey("coupons.id", name="fk_reviews_coupon_id"))
